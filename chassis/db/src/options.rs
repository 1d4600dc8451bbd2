//! Options with which an application opens its databases: clock, connection budget and timeouts.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{Clock, SystemClock};

use crate::server_load::MIN_SHARE;

/// Reader connections per SQLite file: about the number of cores of a small machine, since further readers would wait
/// for a core.
const SQLITE_READERS: u32 = 4;
/// Postgres connections of one process over all its modules, on a server with room: enough for calls, subscriptions and
/// jobs of eight modules.
const POSTGRES_CONNECTIONS: u32 = 32;
/// Time for which a migrator waits for another migrator: longer than a usual migration, shorter than an operator would
/// wait.
const MIGRATION_LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Options for opening a [`Db`](crate::Db).
#[derive(Clone)]
pub struct DbOptions {
    /// Clock for the times in records.
    pub clock: Arc<dyn Clock>,
    /// Reader connections per SQLite file, in addition to the single writer.
    pub sqlite_readers: u32,
    /// Connection budget for Postgres.
    pub postgres: PgBudget,
    /// Time to wait for another migrator, for a table that a migration changes, or for a process that has locked the
    /// SQLite file.
    pub migration_lock_timeout: Duration,
    /// Time for which opening and migrating wait for a Postgres server that is restarting. Zero: a server that is not
    /// there is an error at once.
    pub server_patience: Duration,
    /// Reject a Postgres login that has access to more than the module's own data.
    pub require_isolation: bool,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            sqlite_readers: SQLITE_READERS,
            postgres: PgBudget::default(),
            migration_lock_timeout: MIGRATION_LOCK_TIMEOUT,
            server_patience: Duration::ZERO,
            require_isolation: false,
        }
    }
}

/// Budget of Postgres connections of one process, divided equally among its modules on Postgres.
///
/// Connections are opened on demand, and closed after a minute without use. One connection of each module is kept for
/// heartbeats, leases and readiness, unless the module has only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgBudget {
    /// Maximum number of connections of the whole process. `None`: up to 32, and no more than a fair share of the
    /// connections that the server gives to all processes of the store, with ten left for people.
    pub connections: Option<u32>,
    /// Number of modules that share the connections.
    pub modules: u32,
}

impl PgBudget {
    /// Connections of one module: an equal share, at least one if the number is fixed, and two otherwise.
    #[must_use]
    pub fn per_module(self) -> u32 {
        let modules = self.modules.max(1);
        match self.connections {
            Some(connections) => (connections / modules).max(1),
            None => (POSTGRES_CONNECTIONS / modules).max(MIN_SHARE),
        }
    }

    /// Connections of the process if every module uses its share.
    #[must_use]
    pub fn total(self) -> u32 {
        self.per_module() * self.modules.max(1)
    }
}

impl Default for PgBudget {
    fn default() -> Self {
        Self {
            connections: None,
            modules: 1,
        }
    }
}
