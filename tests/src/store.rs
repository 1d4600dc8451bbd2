//! A store in one of the ways in which its modules can be placed. All ways look the same from outside.

use crate::client::Client;
use crate::data::Data;
use crate::process::Process;
use crate::roles::{Operator, Shopper};

/// Where the modules of a store run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// All in one process.
    OneProcess,
    /// All in one process, through their REST encoding and back.
    Encoded,
    /// The catalog in a process of its own.
    Split,
    /// This module in a process of its own, after those that it calls.
    MovedOut(&'static str),
    /// Every module in a process of its own.
    Apart,
}

/// Every module, those that are called before those that call them.
pub const MODULES: [&str; 5] = ["catalog", "inventory", "carts", "payments", "orders"];

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

    /// How the modules are placed.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }
}

async fn start(placement: Placement, data: &Data) -> (Vec<Process>, Process) {
    let apart: &[&str] = match &placement {
        Placement::OneProcess | Placement::Encoded => &[],
        Placement::Split => &["catalog"],
        // Orders call three of the others, and carts are called by them and call the catalog.
        Placement::MovedOut("orders") | Placement::Apart => &MODULES,
        Placement::MovedOut("carts") => &["catalog", "carts"],
        Placement::MovedOut(module) => std::slice::from_ref(module),
    };
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
