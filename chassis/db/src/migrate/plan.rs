//! Compares the migrations of this binary with the history of a schema. This file must not access a database.

use sha2::{Digest, Sha256};

use crate::migrate::schema::{CHASSIS, CHASSIS_MIGRATIONS, Migration, ModuleSchema};
use crate::open_error::OpenError;
use crate::statement::Engine;

/// Second line of a Postgres migration whose statements Postgres refuses in a transaction, such as `CREATE INDEX
/// CONCURRENTLY`. Each statement ends with `;` at the end of a line. The statements must be repeatable: after a crash they run
/// again.
const WITHOUT_TRANSACTION: &str = "-- offshoot: without transaction";

/// Kind of a migration: `Expand` if an older binary, which does not know the migration, can run on the migrated schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Expand,
    Contract,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Kind::Expand => "expand",
            Kind::Contract => "contract",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.lines().next()?.trim_end() {
            "-- offshoot: expand" => Some(Self::Expand),
            "-- offshoot: contract" => Some(Self::Contract),
            _ => None,
        }
    }
}

/// A migration that this binary carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CarriedMigration {
    pub(crate) set: &'static str,
    pub(crate) version: u32,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether the statements share a transaction with the history entry. Always on SQLite.
    pub(crate) in_transaction: bool,
    pub(crate) text: &'static str,
    pub(crate) checksum: Vec<u8>,
}

crate::row! {
    /// A migration in a schema's history.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct HistoryEntry {
        pub(crate) set_name: String,
        pub(crate) version: i32,
        pub(crate) name: String,
        pub(crate) kind: String,
        pub(crate) checksum: Vec<u8>,
        pub(crate) applied_at: offshoot_contract::Timestamp,
    }
}

impl HistoryEntry {
    pub(crate) fn is_entry_of(&self, migration: &CarriedMigration) -> bool {
        self.set_name == migration.set && u32::try_from(self.version) == Ok(migration.version)
    }
}

/// Lists the chassis's migrations and then the module's, in order.
pub(crate) fn list_carried(schema: &ModuleSchema, engine: Engine) -> Result<Vec<CarriedMigration>, OpenError> {
    let mut all = Vec::new();
    for (set, migrations) in [(CHASSIS, CHASSIS_MIGRATIONS), (schema.module, schema.migrations)] {
        let mut last = 0;
        for migration in migrations {
            if migration.version <= last {
                return Err(OpenError::MigrationsOutOfOrder {
                    set: set.to_owned(),
                    name: migration.name.to_owned(),
                    version: migration.version,
                });
            }
            last = migration.version;
            all.push(parse(set, migration, engine)?);
        }
    }
    Ok(all)
}

fn parse(set: &'static str, migration: &Migration, engine: Engine) -> Result<CarriedMigration, OpenError> {
    let text = migration.text(engine);
    let kind = Kind::parse(text).ok_or_else(|| OpenError::MissingMigrationKind {
        set: set.to_owned(),
        name: migration.name.to_owned(),
    })?;
    Ok(CarriedMigration {
        set,
        version: migration.version,
        name: migration.name,
        kind,
        in_transaction: engine == Engine::Sqlite || text.lines().nth(1).map(str::trim_end) != Some(WITHOUT_TRANSACTION),
        text,
        checksum: Sha256::digest(text).to_vec(),
    })
}

/// Returns the carried migrations that are missing in the history of the database at `location`. Fails if this binary
/// must not run on the schema: a carried migration was changed, or an unknown contract migration was applied.
pub(crate) fn find_missing<'a>(
    carried: &'a [CarriedMigration],
    history: &[HistoryEntry],
    location: &str,
) -> Result<Vec<&'a CarriedMigration>, OpenError> {
    for entry in history {
        let (set, name, location) = (entry.set_name.clone(), entry.name.clone(), location.to_owned());
        match carried.iter().find(|migration| entry.is_entry_of(migration)) {
            Some(migration) if migration.checksum != entry.checksum => {
                return Err(OpenError::MigrationChanged { set, name, location });
            }
            None if entry.kind != Kind::Expand.as_str() => {
                return Err(OpenError::UnknownContractMigration { set, name, location });
            }
            _ => {}
        }
    }
    let is_missing = |migration: &&CarriedMigration| !history.iter().any(|entry| entry.is_entry_of(migration));
    Ok(carried.iter().filter(is_missing).collect())
}
