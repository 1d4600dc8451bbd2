//! Schema declaration of a module, and the chassis's own migrations, which every module's schema gets first.

use crate::open_error::OpenError;
use crate::statement::Engine;

/// Declaration of a module's data: name, migrations and tables. A constant of the module's crate.
#[derive(Debug)]
pub struct ModuleSchema {
    /// Name of the module, of its file or schema, and of its role.
    pub module: &'static str,
    /// Migrations in ascending order.
    pub migrations: &'static [Migration],
    /// Text of `tables.toml`, which lists the owned and the derived tables; see [`check_tables`](crate::check_tables).
    pub tables: &'static str,
}

/// One migration, with a text per engine.
///
/// The text starts with the line `-- offshoot: expand` if an older binary, which does not know the migration, can run
/// on the migrated schema, and with `-- offshoot: contract` otherwise. A Postgres text with the second line `-- offshoot: without
/// transaction` runs statement by statement, for `CREATE INDEX CONCURRENTLY`. Each statement ends with `;` at the end of a
/// line, and can be repeated after a crash.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Rises from one migration to the next.
    pub version: u32,
    /// File name without extension: `0001_stations`.
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

/// Longest module name, bytes. Postgres cuts names at 63 bytes, and the owner role's name is six bytes longer.
const MAX_NAME_LENGTH: usize = 40;
/// Name of the chassis's own set of migrations. No module can have this name.
pub(crate) const CHASSIS: &str = "chassis";

impl ModuleSchema {
    /// Fails unless the module's name is safe in file names and SQL texts.
    pub(crate) fn check_name(&self) -> Result<(), OpenError> {
        let name = self.module;
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let is_valid = name.len() <= MAX_NAME_LENGTH
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(is_allowed)
            && name != CHASSIS;
        if is_valid {
            return Ok(());
        }
        Err(OpenError::InvalidModuleName { name: name.to_owned() })
    }
}

/// Includes the migrations in a folder, each as `sqlite/<name>.sql` and `postgres/<name>.sql`. The folder is relative
/// to the file that calls the macro.
///
/// ```text
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

/// Tables of the chassis: ownership, recorded responses, the begin function, replicas and leases, the outbox,
/// subscriptions, and sagas.
pub(crate) const CHASSIS_MIGRATIONS: &[Migration] = migrations!("../../migrations":
    1 "0001_owner",
    2 "0002_answers",
    3 "0003_begin",
    4 "0004_replicas",
    5 "0005_outbox",
    6 "0006_subscriptions",
    7 "0007_sagas",
);
