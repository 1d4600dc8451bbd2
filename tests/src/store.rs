//! A store in one placement of its modules. All placements look the same from outside.

use offshoot::wiring::DECLARATIONS;
use offshoot_strangler::{Percent, State};
use serde_json::json;

use crate::client::Client;
use crate::data::Data;
use crate::migration::put_record;
use crate::process::{Process, free_address};
use crate::roles::{Operator, Shopper};

/// The processes that the modules of a store run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Every module in one process.
    OneProcess,
    /// Every module in one process; every call is encoded as REST and decoded again.
    Encoded,
    /// This module, and the modules that this module calls, in processes of their own.
    MovedOut(&'static str),
    /// Every module in a process of its own.
    ModulePerProcess,
    /// Two replicas of every module on one database. Each replica executes the calls of the other replica's modules,
    /// and the public surface calls either replica: state that one call leaves in process memory is missing in the next
    /// call.
    Alternating,
    /// Every module in one process; a candidate in another process executes a sample of the reads too, for comparison.
    Shadow,
    /// Every module in two processes, of which the second one, the candidate, executes the calls of half of the keys.
    Canary,
}

/// The state in which the candidate executes the calls of half of the keys.
const HALF: State = State::Canary(Percent::new(50).expect("50 is within 1 to 99"));

/// Every module, as declared. Callees come before callers, publishers before subscribers.
pub const MODULES: [&str; DECLARATIONS.len()] = {
    let mut names = [""; DECLARATIONS.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = DECLARATIONS[place].name;
        place += 1;
    }
    names
};

/// A module and all modules that it calls, directly or through others, in the order of declaration.
#[must_use]
pub fn with_callees(module: &str) -> Vec<&'static str> {
    let mut needed = vec![module];
    // Callers come after their callees, so one pass backwards meets every caller before its callees.
    for declaration in DECLARATIONS.iter().rev() {
        if needed.contains(&declaration.name) {
            needed.extend(declaration.calls);
        }
    }
    MODULES.into_iter().filter(|module| needed.contains(module)).collect()
}

/// A running store.
#[derive(Debug)]
pub struct Store {
    placement: Placement,
    data: Data,
    /// In start order.
    modules: Vec<Process>,
    front: Process,
}

impl Store {
    /// Starts a store on `data` and waits until every process is ready.
    pub async fn start(placement: Placement, data: Data) -> Self {
        let (modules, front) = start(placement, &data).await;
        Self {
            placement,
            data,
            modules,
            front,
        }
    }

    /// Stops every process, which must exit with 0, and starts every process again.
    pub async fn restart(self) -> Self {
        let (placement, data) = (self.placement, self.stop().await);
        Self::start(placement, data).await
    }

    /// Stops every process, callers before callees. Every process must exit with 0.
    pub async fn stop(self) -> Data {
        self.front.stop().await;
        for module in self.modules.into_iter().rev() {
            module.stop().await;
        }
        self.data
    }

    /// URL of the public surface.
    #[must_use]
    pub fn url(&self) -> &str {
        self.front.url()
    }

    /// A client of the public surface without a token.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.front.url())
    }

    /// A client of the public surface with the token of the operator `local`.
    #[must_use]
    pub fn operator_client(&self) -> Client {
        self.client().with_token(self.data.operator_token())
    }

    /// A shopper at the public surface.
    #[must_use]
    pub fn shopper(&self) -> Shopper {
        Shopper::new(self.client())
    }

    /// An operator at the public surface.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(self.operator_client())
    }

    /// The data that all processes share.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The placement that the public surface's process reports for a module.
    #[must_use]
    pub fn expected_placement(&self, module: &str) -> &'static str {
        match self.placement {
            Placement::Encoded => "encoded",
            placement if placement.separate_modules().contains(&module) => "remote",
            _ => "local",
        }
    }

    /// One operator client per process, the public surface's process last.
    #[must_use]
    pub fn operator_clients(&self) -> Vec<Client> {
        let processes = self.modules.iter().chain([&self.front]);
        let token = || self.data.operator_token();
        processes
            .map(|process| Client::new(process.url()).with_token(token()))
            .collect()
    }
}

impl Placement {
    /// The modules outside of the public side's process, callees before callers.
    #[must_use]
    pub fn separate_modules(self) -> Vec<&'static str> {
        match self {
            Placement::OneProcess | Placement::Encoded | Placement::Shadow | Placement::Canary => Vec::new(),
            Placement::ModulePerProcess | Placement::Alternating => MODULES.to_vec(),
            Placement::MovedOut(module) => with_callees(module),
        }
    }
}

async fn start(placement: Placement, data: &Data) -> (Vec<Process>, Process) {
    match placement {
        Placement::Alternating => return start_alternating(data).await,
        Placement::Shadow => return start_with_candidate(State::Shadow, data).await,
        Placement::Canary => return start_with_candidate(HALF, data).await,
        _ => {}
    }
    let (mut modules, mut remote) = (Vec::new(), Vec::<String>::new());
    for module in placement.separate_modules() {
        let mut arguments = vec!["--only", module];
        arguments.extend(remote.iter().flat_map(|remote| ["--remote", remote.as_str()]));
        let process = data.serve(&arguments).await;
        remote.push(format!("{module}={}", process.url()));
        modules.push(process);
    }
    let mut arguments: Vec<&str> = remote.iter().flat_map(|remote| ["--remote", remote.as_str()]).collect();
    if placement == Placement::Encoded {
        arguments.extend(["--encoded", "all"]);
    }
    let front = data.serve(&arguments).await;
    front.wait_until_ready().await;
    (modules, front)
}

/// Starts a store whose modules all migrate at once.
async fn start_with_candidate(state: State, data: &Data) -> (Vec<Process>, Process) {
    for module in MODULES {
        put_record(data, module, state).await;
    }
    let address = free_address();
    let candidate = data.serve(&["--candidate", "--listen", &address]).await;
    let urls = MODULES
        .into_iter()
        .flat_map(|module| ["--urls".to_owned(), format!("{module}=http://{address}")]);
    let front = data.serve(&as_str_slices(&urls.collect::<Vec<_>>())).await;
    front.wait_until_ready().await;
    (vec![candidate], front)
}

async fn start_alternating(data: &Data) -> (Vec<Process>, Process) {
    let addresses = [free_address(), free_address()];
    let flags_for_every_module = |flag: &'static str, address: &String| {
        let pair = move |module| [flag.to_owned(), format!("{module}=http://{address}")];
        MODULES.into_iter().flat_map(pair).collect::<Vec<_>>()
    };
    let mut executors = Vec::new();
    for (own, other) in [(0, 1), (1, 0)] {
        let mut arguments = vec!["--listen".to_owned(), addresses[own].clone()];
        arguments.extend(flags_for_every_module("--urls", &addresses[other]));
        executors.push(data.serve(&as_str_slices(&arguments)).await);
    }
    for executor in &executors {
        executor.wait_until_ready().await;
        let client = Client::new(executor.url()).with_token(data.operator_token());
        for module in MODULES {
            let path = format!("/admin/placement/{module}");
            client
                .json("PUT", &path, &json!({ "placement": "remote" }))
                .await
                .expect(200);
        }
    }
    let arguments: Vec<_> = addresses
        .iter()
        .flat_map(|address| flags_for_every_module("--remote", address))
        .collect();
    let front = data.serve(&as_str_slices(&arguments)).await;
    front.wait_until_ready().await;
    (executors, front)
}

fn as_str_slices(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}
