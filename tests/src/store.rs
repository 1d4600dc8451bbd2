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
}

/// A store that runs.
#[derive(Debug)]
pub struct Store {
    placement: Placement,
    data: Data,
    catalog: Option<Process>,
    front: Process,
}

impl Store {
    /// Starts a store on `data` and waits until it is ready.
    pub async fn start(placement: Placement, data: Data) -> Self {
        let (catalog, front) = start(placement, &data).await;
        Self {
            placement,
            data,
            catalog,
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
        if let Some(catalog) = self.catalog {
            catalog.stop().await;
        }
        self.data
    }

    /// Anybody.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.front.url())
    }

    /// Somebody who buys.
    #[must_use]
    pub fn shopper(&self) -> Shopper {
        Shopper::new(self.client())
    }

    /// Somebody who decides what is sold.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(self.client())
    }

    /// How the modules are placed.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }
}

async fn start(placement: Placement, data: &Data) -> (Option<Process>, Process) {
    let catalog = match placement {
        Placement::Split => Some(data.serve(&["--only", "catalog"]).await),
        Placement::OneProcess | Placement::Encoded => None,
    };
    let remote = catalog.as_ref().map(|catalog| format!("catalog={}", catalog.url()));
    let arguments = match &remote {
        Some(remote) => vec!["--remote", remote],
        None if placement == Placement::Encoded => vec!["--encoded", "all"],
        None => Vec::new(),
    };
    let front = data.serve(&arguments).await;
    front.ready().await;
    (catalog, front)
}
