//! What the application decides about its databases: clock, connections, patience.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{Clock, SystemClock};

/// Readers per SQLite file. They share the page cache of the system; more than the cores of a small machine only wait.
const SQLITE_READERS: u32 = 4;
/// Connections of one process to Postgres, over all its modules: calls, subscriptions and jobs of eight of them. Three processes
/// fit into a server's default of 100.
const POSTGRES_CONNECTIONS: u32 = 32;
/// How long a migrator waits for another one. Longer than a usual migration, shorter than an operator's patience.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(60);

/// How a [`Db`](crate::Db) is opened.
#[derive(Clone)]
pub struct DbOptions {
    /// Where the time of records comes from.
    pub clock: Arc<dyn Clock>,
    /// Reader connections per SQLite file, beside its one writer.
    pub sqlite_readers: u32,
    /// Connections to Postgres.
    pub postgres: PgBudget,
    /// How long to wait for another migrator, or for a process that holds the file.
    pub migration_patience: Duration,
    /// Refuse a login to Postgres that could reach more than the module's own data.
    pub require_isolation: bool,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            sqlite_readers: SQLITE_READERS,
            postgres: PgBudget::default(),
            migration_patience: MIGRATION_PATIENCE,
            require_isolation: false,
        }
    }
}

/// The Postgres connections of one process, divided over the modules that it keeps there.
///
/// None is opened before it is needed, and an idle one is closed after a minute. Opening compares the sum with the
/// server's `max_connections`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgBudget {
    /// At most this many connections for the whole process.
    pub connections: u32,
    /// Among this many modules.
    pub modules: u32,
}

impl PgBudget {
    /// What one module may use: an equal share, at least one.
    #[must_use]
    pub fn per_module(self) -> u32 {
        (self.connections / self.modules.max(1)).max(1)
    }

    /// What the process may use when every module uses its share.
    #[must_use]
    pub fn sum(self) -> u32 {
        self.per_module() * self.modules.max(1)
    }
}

impl Default for PgBudget {
    fn default() -> Self {
        Self {
            connections: POSTGRES_CONNECTIONS,
            modules: 1,
        }
    }
}
