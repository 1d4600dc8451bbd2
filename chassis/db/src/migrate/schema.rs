//! What a module declares about its schema, and the chassis's own migrations, which every module's schema gets first.

use crate::{Engine, OpenError};

/// What a module declares about its data, as a constant.
#[derive(Debug)]
pub struct ModuleSchema {
    /// The module: also the name of its file or schema, and of its role.
    pub module: &'static str,
    /// Its migrations, in order.
    pub migrations: &'static [Migration],
    /// Its `tables.toml`: which tables it owns and which are derived; see [`check_tables`](crate::check_tables).
    pub tables: &'static str,
}

/// One migration: its text for each engine, which starts with the line `-- offshoot: expand`, if a binary that does
/// not know it can run on the schema it leaves, or `-- offshoot: contract`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Rises from one to the next.
    pub version: u32,
    /// The file's name without its ending: `0001_stations`.
    pub name: &'static str,
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for Postgres.
    pub postgres: &'static str,
}

impl Migration {
    pub(crate) const fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
}

/// Longest module name. Postgres cuts names at 63 bytes, and the owner's role is six longer.
const MAX_NAME: usize = 40;
/// The name of the chassis's own set of migrations; no module can have it.
pub(crate) const CHASSIS: &str = "chassis";

impl ModuleSchema {
    /// The name becomes part of file names and SQL texts.
    pub(crate) fn check_name(&self) -> Result<(), OpenError> {
        let name = self.module;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let good = name.len() <= MAX_NAME
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(plain)
            && name != CHASSIS;
        if good {
            return Ok(());
        }
        Err(OpenError::BadModuleName { name: name.to_owned() })
    }
}

/// Who owns the data, recorded answers, how a transaction begins; which processes work on it; what is announced and what
/// was handled; changes that span modules.
pub(crate) const CHASSIS_MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "0001_owner",
        sqlite: include_str!("../../migrations/sqlite/0001_owner.sql"),
        postgres: include_str!("../../migrations/postgres/0001_owner.sql"),
    },
    Migration {
        version: 2,
        name: "0002_answers",
        sqlite: include_str!("../../migrations/sqlite/0002_answers.sql"),
        postgres: include_str!("../../migrations/postgres/0002_answers.sql"),
    },
    Migration {
        version: 3,
        name: "0003_begin",
        sqlite: include_str!("../../migrations/sqlite/0003_begin.sql"),
        postgres: include_str!("../../migrations/postgres/0003_begin.sql"),
    },
    Migration {
        version: 4,
        name: "0004_replicas",
        sqlite: include_str!("../../migrations/sqlite/0004_replicas.sql"),
        postgres: include_str!("../../migrations/postgres/0004_replicas.sql"),
    },
    Migration {
        version: 5,
        name: "0005_outbox",
        sqlite: include_str!("../../migrations/sqlite/0005_outbox.sql"),
        postgres: include_str!("../../migrations/postgres/0005_outbox.sql"),
    },
    Migration {
        version: 6,
        name: "0006_subscriptions",
        sqlite: include_str!("../../migrations/sqlite/0006_subscriptions.sql"),
        postgres: include_str!("../../migrations/postgres/0006_subscriptions.sql"),
    },
    Migration {
        version: 7,
        name: "0007_sagas",
        sqlite: include_str!("../../migrations/sqlite/0007_sagas.sql"),
        postgres: include_str!("../../migrations/postgres/0007_sagas.sql"),
    },
];
