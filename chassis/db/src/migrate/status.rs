//! How the migrations of one module stand, for `offshoot db status`.

use offshoot_contract::Timestamp;

use crate::connection::Connection;
use crate::migrate::history;
use crate::migrate::plan::{self, Applied, Known};
use crate::migrate::run::AppliedMigration;
use crate::migrate::schema::ModuleSchema;
use crate::postgres::{Login, PostgresServer};
use crate::sqlite::{SqliteFile, open_existing};
use crate::{DatabaseUrl, DbOptions, OpenError};

/// A migration that this binary carries or the schema has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Which one.
    pub migration: AppliedMigration,
    /// `expand` or `contract`.
    pub kind: String,
    /// Whether the schema has it.
    pub state: MigrationState,
}

/// How a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// In the schema since then.
    Applied(Timestamp),
    /// Not in the schema yet.
    Missing,
    /// In the schema, with another text than this binary carries.
    Changed,
    /// In the schema, and this binary does not know it.
    Unknown,
}

/// How every migration of one module stands: what this binary carries in order, then what it does not know.
pub async fn status(
    schema: &'static ModuleSchema,
    url: &DatabaseUrl,
    options: &DbOptions,
) -> Result<Vec<MigrationStatus>, OpenError> {
    schema.check_name()?;
    let known = plan::known(schema, url.engine())?;
    let (applied, place) = match url {
        DatabaseUrl::Sqlite(directory) => {
            let file = SqliteFile::of_module(directory, schema.module);
            if !file.path.exists() {
                return Ok(compare(&known, &[]));
            }
            let mut connection = open_existing(&file.for_readers(), options.migration_patience).await?;
            (history::read(&mut connection).await, file.path.display().to_string())
        }
        DatabaseUrl::Postgres(login) => {
            let server = PostgresServer::new(login, schema.module, Login::Runtime);
            let connection = match server.connect().await.map_err(|cause| server.explain(url, cause)) {
                Ok(connection) => connection,
                Err(OpenError::NotMigrated { .. }) => return Ok(compare(&known, &[])),
                Err(error) => return Err(error),
            };
            (
                history::read(&mut Connection::Postgres(connection)).await,
                server.address(),
            )
        }
    };
    let applied = applied.map_err(|cause| OpenError::Failed {
        what: format!("reading the migrations of {} at {place}", schema.module),
        cause,
    })?;
    Ok(compare(&known, &applied))
}

fn compare(known: &[Known], applied: &[Applied]) -> Vec<MigrationStatus> {
    let carried = known.iter().map(|known| MigrationStatus {
        migration: AppliedMigration::of(known),
        kind: known.kind.as_str().to_owned(),
        state: match applied.iter().find(|old| old.is(known)) {
            None => MigrationState::Missing,
            Some(old) if old.checksum != known.checksum => MigrationState::Changed,
            Some(old) => MigrationState::Applied(old.applied_at),
        },
    });
    let strange = applied.iter().filter(|old| !known.iter().any(|known| old.is(known)));
    let strange = strange.map(|old| MigrationStatus {
        migration: AppliedMigration {
            set: old.set_name.clone(),
            version: old.version.unsigned_abs(),
            name: old.name.clone(),
        },
        kind: old.kind.clone(),
        state: MigrationState::Unknown,
    });
    carried.chain(strange).collect()
}
