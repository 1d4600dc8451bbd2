//! Migration status of one module, for `offshoot db status`.

use offshoot_contract::Timestamp;

use crate::connection::Connection;
use crate::migrate::apply::MigrationId;
use crate::migrate::history;
use crate::migrate::plan::{self, CarriedMigration, HistoryEntry};
use crate::migrate::schema::ModuleSchema;
use crate::open_error::OpenError;
use crate::options::DbOptions;
use crate::postgres::{PostgresServer, SessionRole};
use crate::restoring::{require_restored_file, require_restored_schema};
use crate::sqlite::{SqliteFile, open_when_unlocked};
use crate::url::DatabaseUrl;

/// A migration of this binary or of the schema's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The migration.
    pub migration: MigrationId,
    /// `expand` or `contract`.
    pub kind: String,
    /// Whether the schema has the migration.
    pub state: MigrationState,
}

/// State of a migration in a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// Applied at this time.
    Applied(Timestamp),
    /// Not applied yet.
    Missing,
    /// Applied with a text that differs from this binary's text.
    Changed,
    /// Applied, and unknown to this binary.
    Unknown,
}

/// Returns the state of every migration of one module: first the migrations of this binary in order, then the unknown
/// migrations. Creates no file. Fails if a restore has not ended.
pub async fn migration_status(
    schema: &'static ModuleSchema,
    url: &DatabaseUrl,
    options: &DbOptions,
) -> Result<Vec<MigrationStatus>, OpenError> {
    schema.check_name()?;
    let carried = plan::list_carried(schema, url.engine())?;
    let (history, location) = match url {
        DatabaseUrl::Sqlite(directory) => {
            require_restored_file(directory, schema.module)?;
            let file = SqliteFile::of_module(directory, schema.module);
            if !file.path.exists() {
                return Ok(compare(&carried, &[]));
            }
            let connection = open_when_unlocked(&file.for_readers(), options.migration_lock_timeout).await?;
            (
                history::read(&mut Connection::Sqlite(connection)).await,
                file.path.display().to_string(),
            )
        }
        DatabaseUrl::Postgres(login) => {
            let server = PostgresServer::new(login, schema.module, SessionRole::Runtime);
            let mut connection = match server
                .connect()
                .await
                .map_err(|cause| server.explain_connect_error(cause))
            {
                Ok(connection) => connection,
                Err(OpenError::NotMigrated { .. }) => return Ok(compare(&carried, &[])),
                Err(error) => return Err(error),
            };
            require_restored_schema(&mut connection, schema.module, &server.address()).await?;
            (
                history::read(&mut Connection::Postgres(connection)).await,
                server.address(),
            )
        }
    };
    let history = history.map_err(|cause| OpenError::Failed {
        operation: format!("reading the migrations of {} at {location}", schema.module),
        cause,
    })?;
    Ok(compare(&carried, &history))
}

fn compare(carried: &[CarriedMigration], history: &[HistoryEntry]) -> Vec<MigrationStatus> {
    let known = carried.iter().map(|migration| MigrationStatus {
        migration: MigrationId::from_carried(migration),
        kind: migration.kind.as_str().to_owned(),
        state: match history.iter().find(|entry| entry.is_entry_of(migration)) {
            None => MigrationState::Missing,
            Some(entry) if entry.checksum != migration.checksum => MigrationState::Changed,
            Some(entry) => MigrationState::Applied(entry.applied_at),
        },
    });
    let is_carried = |entry: &&HistoryEntry| carried.iter().any(|migration| entry.is_entry_of(migration));
    let unknown = history.iter().filter(|entry| !is_carried(entry));
    let unknown = unknown.map(|entry| MigrationStatus {
        migration: MigrationId {
            set: entry.set_name.clone(),
            version: entry.version.unsigned_abs(),
            name: entry.name.clone(),
        },
        kind: entry.kind.clone(),
        state: MigrationState::Unknown,
    });
    known.chain(unknown).collect()
}
