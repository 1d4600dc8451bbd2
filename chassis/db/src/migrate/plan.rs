//! Which migrations a schema lacks, and whether this binary may run on it. Compares two lists; touches no database.

use sha2::{Digest, Sha256};

use crate::migrate::schema::{CHASSIS, CHASSIS_MIGRATIONS, Migration, ModuleSchema};
use crate::{Engine, OpenError};

/// Whether a binary that does not know a migration can run on the schema that it leaves.
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

    fn of(text: &str) -> Option<Self> {
        match text.lines().next()?.trim_end() {
            "-- offshoot: expand" => Some(Self::Expand),
            "-- offshoot: contract" => Some(Self::Contract),
            _ => None,
        }
    }
}

/// A migration that this binary carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) set: &'static str,
    pub(crate) version: u32,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) text: &'static str,
    pub(crate) checksum: Vec<u8>,
}

/// A migration in a schema's history.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Applied {
    pub(crate) set_name: String,
    pub(crate) version: i32,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) checksum: Vec<u8>,
    pub(crate) applied_at: offshoot_contract::Timestamp,
}

impl Applied {
    pub(crate) fn is(&self, known: &Known) -> bool {
        self.set_name == known.set && u32::try_from(self.version) == Ok(known.version)
    }
}

/// The chassis's migrations and then the module's, in order.
pub(crate) fn known(schema: &ModuleSchema, engine: Engine) -> Result<Vec<Known>, OpenError> {
    let mut all = Vec::new();
    for (set, migrations) in [(CHASSIS, CHASSIS_MIGRATIONS), (schema.module, schema.migrations)] {
        let mut last = 0;
        for migration in migrations {
            if migration.version <= last {
                return Err(OpenError::Unordered {
                    set: set.to_owned(),
                    name: migration.name.to_owned(),
                    version: migration.version,
                });
            }
            last = migration.version;
            all.push(read(set, migration, engine)?);
        }
    }
    Ok(all)
}

fn read(set: &'static str, migration: &Migration, engine: Engine) -> Result<Known, OpenError> {
    let text = migration.text(engine);
    let kind = Kind::of(text).ok_or_else(|| OpenError::NoKind {
        set: set.to_owned(),
        name: migration.name.to_owned(),
    })?;
    Ok(Known {
        set,
        version: migration.version,
        name: migration.name,
        kind,
        text,
        checksum: Sha256::digest(text).to_vec(),
    })
}

/// What of `known` is missing in the history of `place`. Refuses a history that this binary must not run on.
pub(crate) fn missing<'a>(known: &'a [Known], applied: &[Applied], place: &str) -> Result<Vec<&'a Known>, OpenError> {
    for old in applied {
        let (set, name, place) = (old.set_name.clone(), old.name.clone(), place.to_owned());
        match known.iter().find(|known| old.is(known)) {
            Some(known) if known.checksum != old.checksum => return Err(OpenError::Changed { set, name, place }),
            None if old.kind != Kind::Expand.as_str() => return Err(OpenError::UnknownContract { set, name, place }),
            _ => {}
        }
    }
    let is_missing = |known: &&Known| !applied.iter().any(|old| old.is(known));
    Ok(known.iter().filter(is_missing).collect())
}
