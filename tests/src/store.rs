//! A store in one of the ways in which its modules can be placed. All ways look the same from outside.

use serde_json::json;

use crate::client::Client;
use crate::data::Data;
use crate::process::{Process, free_address};
use crate::roles::{Operator, Shopper};

/// Where the modules of a store run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// All in one process.
    OneProcess,
    /// All in one process, through their REST encoding and back.
    Encoded,
    /// This module in a process of its own, after those that it calls.
    MovedOut(&'static str),
    /// Every module in a process of its own.
    Apart,
    /// Two processes with every module, on one database. Each executes what the other one's modules call, and the public
    /// side calls either: what one call leaves in a process, the next does not find.
    Alternating,
}

/// Every module, those that are called or heard before those that call or hear them.
pub const MODULES: [&str; 8] = [
    "catalog",
    "inventory",
    "carts",
    "payments",
    "orders",
    "storefront",
    "notifications",
    "reporting",
];

/// Those of them that a purchase needs.
pub const SELLING: [&str; 5] = ["catalog", "inventory", "carts", "payments", "orders"];

/// A store that runs.
#[derive(Debug)]
pub struct Store {
    placement: Placement,
    data: Data,
    /// In the order in which they were started.
    modules: Vec<Process>,
    front: Process,
}

impl Store {
    /// Starts a store on `data` and waits until it is ready.
    pub async fn start(placement: Placement, data: Data) -> Self {
        let (modules, front) = start(placement, &data).await;
        Self {
            placement,
            data,
            modules,
            front,
        }
    }

    /// Stops every process, which must end well, and starts them again.
    pub async fn restart(self) -> Self {
        let (placement, data) = (self.placement, self.stop().await);
        Self::start(placement, data).await
    }

    /// Stops every process, which must end well, callers before callees.
    pub async fn stop(self) -> Data {
        self.front.stop().await;
        for module in self.modules.into_iter().rev() {
            module.stop().await;
        }
        self.data
    }

    /// Anybody.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.front.url())
    }

    /// Somebody with the token of the operator `local`.
    #[must_use]
    pub fn operator_client(&self) -> Client {
        self.client().with_token(self.data.operator_token())
    }

    /// Somebody who buys.
    #[must_use]
    pub fn shopper(&self) -> Shopper {
        Shopper::new(self.client())
    }

    /// Somebody who decides what is sold.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(self.operator_client())
    }

    /// The data that all its processes share.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Where the calls of a module run, as the public side's process says it.
    #[must_use]
    pub fn placement_of(&self, module: &str) -> &'static str {
        match self.placement {
            Placement::Encoded => "encoded",
            placement if apart(&placement).contains(&module) => "remote",
            _ => "local",
        }
    }

    /// Operators of each process, that of the public side last.
    #[must_use]
    pub fn operators_of_each(&self) -> Vec<Client> {
        let processes = self.modules.iter().chain([&self.front]);
        let token = || self.data.operator_token();
        processes
            .map(|process| Client::new(process.url()).with_token(token()))
            .collect()
    }
}

/// The modules that run elsewhere than the public side.
fn apart(placement: &Placement) -> &[&'static str] {
    match placement {
        Placement::OneProcess | Placement::Encoded => &[],
        // Orders call three of the others, and carts are called by them and call the catalog.
        Placement::MovedOut("orders") => &SELLING,
        Placement::Apart | Placement::Alternating => &MODULES,
        Placement::MovedOut("carts") => &["catalog", "carts"],
        Placement::MovedOut(module) => std::slice::from_ref(module),
    }
}

async fn start(placement: Placement, data: &Data) -> (Vec<Process>, Process) {
    if placement == Placement::Alternating {
        return start_alternating(data).await;
    }
    let apart = apart(&placement);
    let (mut modules, mut remote) = (Vec::new(), Vec::<String>::new());
    for module in apart {
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
    front.ready().await;
    (modules, front)
}

async fn start_alternating(data: &Data) -> (Vec<Process>, Process) {
    let addresses = [free_address(), free_address()];
    let every = |flag: &'static str, address: &String| {
        let place = move |module| [flag.to_owned(), format!("{module}=http://{address}")];
        MODULES.into_iter().flat_map(place).collect::<Vec<_>>()
    };
    let mut executors = Vec::new();
    for (own, other) in [(0, 1), (1, 0)] {
        let mut arguments = vec!["--listen".to_owned(), addresses[own].clone()];
        arguments.extend(every("--urls", &addresses[other]));
        executors.push(data.serve(&borrowed(&arguments)).await);
    }
    for executor in &executors {
        executor.ready().await;
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
        .flat_map(|address| every("--remote", address))
        .collect();
    let front = data.serve(&borrowed(&arguments)).await;
    front.ready().await;
    (executors, front)
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}
