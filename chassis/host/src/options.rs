//! Options of a host and of each of its modules, as plain values.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use offshoot_db::DatabaseUrl;
use offshoot_jobs::HeartbeatTiming;
use offshoot_rest::{Address, ClientLimits, ServiceKeys, SharedClientTls};
use serde::Deserialize;
use serde_json::Value;

/// Options of a process that hosts modules.
pub struct HostOptions {
    /// Clock of the application.
    pub clock: Arc<dyn Clock>,
    /// Directory for SQLite files and store ids.
    pub data_dir: PathBuf,
    /// Keys that sign and check tokens between the processes of one store.
    pub keys: ServiceKeys,
    /// TLS for calls of modules at `https` addresses.
    pub tls: Option<SharedClientTls>,
    /// Time for which the start waits for a Postgres server that is restarting.
    pub postgres_patience: Duration,
    /// Largest number of Postgres connections of the process, divided among its modules. `None`: a fair share of those that
    /// the server gives.
    pub postgres_connections: Option<u32>,
    /// Whether a Postgres login with access to more than its module's data is refused. Otherwise a warning is logged.
    pub require_isolation: bool,
    /// Interval and timeout of heartbeats.
    pub heartbeat: HeartbeatTiming,
    /// Minimum age of removed events.
    pub keep_events: Duration,
    /// Largest number of calls that one module executes for other processes at once.
    pub max_in_flight: usize,
    /// Whether the process offers its modules as candidates: no background work before a plan allows some.
    pub candidate: bool,
    /// Options of each module, by name.
    pub modules: BTreeMap<String, ModuleOptions>,
}

/// Options of one module.
pub struct ModuleOptions {
    /// Where the module's calls are executed.
    pub placement: ModulePlacement,
    /// Addresses of other processes that serve the module.
    pub urls: Vec<Address>,
    /// Zone of this process: addresses in the zone are preferred.
    pub zone: Option<String>,
    /// Limits of calls to other processes.
    pub limits: ClientLimits,
    /// The module's data.
    pub database: DatabaseUrl,
    /// The module's own settings: an object.
    pub settings: Value,
}

/// Where a module's calls are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModulePlacement {
    /// In this process.
    Local,
    /// In this process, through the module's REST encoding and back.
    Encoded,
    /// In another process.
    Remote,
    /// Nowhere. The start fails if another module of this process calls the module.
    Off,
}

impl ModulePlacement {
    /// Whether the module's implementation runs in this process.
    #[must_use]
    pub fn is_here(self) -> bool {
        matches!(self, Self::Local | Self::Encoded)
    }
}
