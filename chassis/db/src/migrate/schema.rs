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

/// The migrations in a folder, from version 1 on, each `sqlite/<name>.sql` and `postgres/<name>.sql` there. The folder is
/// named from the file that says so.
///
/// ```ignore
/// migrations: migrations!("../migrations": 1 "0001_readings", 2 "0002_units"),
/// ```
#[macro_export]
macro_rules! migrations {
    ($folder:literal: $($version:literal $name:literal),+ $(,)?) => {
        &[$($crate::Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!($folder, "/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!($folder, "/postgres/", $name, ".sql")),
        }),+]
    };
}

/// Who owns the data, recorded answers, how a transaction begins; which processes work on it; what is announced and what
/// was handled; changes that span modules.
pub(crate) const CHASSIS_MIGRATIONS: &[Migration] = migrations!("../../migrations":
    1 "0001_owner",
    2 "0002_answers",
    3 "0003_begin",
    4 "0004_replicas",
    5 "0005_outbox",
    6 "0006_subscriptions",
    7 "0007_sagas",
);
