//! Running migrations: each in a transaction of its own together with its line in the history, one migrator at a time.
//! A crash leaves the version before or the version after.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use tokio::time::{Instant, sleep};

use crate::connection::{Connection, Keep};
use crate::failure::{is_busy, sqlite_code};
use crate::migrate::history;
use crate::migrate::plan::{self, Known};
use crate::migrate::schema::{CHASSIS, ModuleSchema};
use crate::postgres::{
    Login, PostgresServer, Site, grant_rights, is_founded, lock_migrators, owner_of, provision, quoted,
};
use crate::provision::ProvisionOptions;
use crate::sqlite::{SqliteFile, open_file};
use crate::{DatabaseUrl, DbOptions, Engine, OpenError};

/// How long to wait before asking again for a SQLite file that another migrator holds.
const RETRY: Duration = Duration::from_millis(10);

/// What `migrate` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// The module.
    pub module: &'static str,
    /// The migrations applied now, in order; empty if the schema was up to date.
    pub applied: Vec<AppliedMigration>,
}

/// A migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// `chassis`, or the module's name.
    pub set: String,
    /// Its version in the set.
    pub version: u32,
    /// Its name.
    pub name: String,
}

impl AppliedMigration {
    pub(crate) fn of(known: &Known) -> Self {
        Self {
            set: known.set.to_owned(),
            version: known.version,
            name: known.name.to_owned(),
        }
    }
}

/// Brings the schema of one module up to date. Both engines; on Postgres the login may act as the
/// owner of the schema. Where roles and schema are missing, it makes them, if it may; see [`provision`](crate::provision()).
pub async fn migrate(
    schema: &'static ModuleSchema,
    url: &DatabaseUrl,
    options: &DbOptions,
) -> Result<MigrationReport, OpenError> {
    schema.check_name()?;
    let applied = match url {
        DatabaseUrl::Sqlite(directory) => {
            let file = SqliteFile::of_module(directory, schema.module);
            let mut connection = open_file(directory, &file, options.migration_patience).await?;
            let applied = bring_up_to_date(schema, &mut connection, &file.path, options).await?;
            connection.close().await;
            applied
        }
        DatabaseUrl::Postgres(login) => {
            let server = PostgresServer::new(login, schema.module, Login::Itself);
            migrate_postgres(schema.module, plan::known(schema, Engine::Postgres)?, &server, options).await?
        }
    };
    Ok(MigrationReport {
        module: schema.module,
        applied,
    })
}

/// Makes a schema on Postgres as it was when it had these migrations and no other: what was copied then fits into it.
/// [`migrate`] brings it up to date afterwards.
pub async fn migrate_to(
    schema: &'static ModuleSchema,
    login: &PgConnectOptions,
    history: &[AppliedMigration],
    options: &DbOptions,
) -> Result<(), OpenError> {
    schema.check_name()?;
    let mut known = plan::known(schema, Engine::Postgres)?;
    known.retain(|known| {
        let same = |old: &AppliedMigration| old.set == known.set && old.version == known.version;
        history.iter().any(same)
    });
    let server = PostgresServer::new(login, schema.module, Login::Itself);
    migrate_postgres(schema.module, known, &server, options).await.map(drop)
}

/// The migrations that this binary carries for `engine`, each with the checksum that histories have.
pub fn carried(schema: &ModuleSchema, engine: Engine) -> Result<Vec<(AppliedMigration, Vec<u8>)>, OpenError> {
    let known = plan::known(schema, engine)?;
    Ok(known
        .into_iter()
        .map(|known| (AppliedMigration::of(&known), known.checksum))
        .collect())
}

async fn migrate_postgres(
    module: &'static str,
    known: Vec<Known>,
    server: &PostgresServer,
    options: &DbOptions,
) -> Result<Vec<AppliedMigration>, OpenError> {
    let (address, patience) = (server.address(), options.migration_patience);
    let mut connection = server.connect().await.map_err(|cause| OpenError::NoConnection {
        module,
        address: address.clone(),
        cause,
    })?;
    lock_migrators(&mut connection, module, &address, patience).await?;
    let site = Site {
        module,
        address: &address,
        server,
    };
    let founded = is_founded(&mut connection, module).await;
    if !founded.map_err(|cause| site.failed("looking at roles and schema", cause))? {
        let development = ProvisionOptions {
            shared: true,
            ..ProvisionOptions::default()
        };
        provision(&mut connection, site, &development).await?;
    }
    let act = format!(
        "SET ROLE {}; SET search_path TO {}",
        quoted(&owner_of(module)),
        quoted(module)
    );
    let acting = sqlx::raw_sql(AssertSqlSafe(act)).execute(&mut connection).await;
    acting.map_err(|cause| site.failed("acting as the owner of the schema", cause))?;
    let mut connection = Connection::Postgres(connection);
    let applied = apply_all(&known, &mut connection, &address, options).await?;
    if let Connection::Postgres(connection) = &mut connection {
        let granted = grant_rights(connection, module).await;
        granted.map_err(|cause| site.failed("granting rights to the runtime role", cause))?;
    }
    connection.close().await;
    Ok(applied)
}

/// Brings the file of one module up to date. Looks without the lock first: usually nothing is missing.
pub(crate) async fn bring_up_to_date(
    schema: &'static ModuleSchema,
    connection: &mut Connection,
    path: &Path,
    options: &DbOptions,
) -> Result<Vec<AppliedMigration>, OpenError> {
    let applied = history::read(connection).await;
    let applied = applied.map_err(|cause| OpenError::of_file(path, options.migration_patience, cause))?;
    let place = path.display().to_string();
    let known = plan::known(schema, Engine::Sqlite)?;
    if plan::missing(&known, &applied, &place)?.is_empty() {
        return Ok(Vec::new());
    }
    apply_all(&known, connection, &place, options)
        .await
        .map_err(|error| match error {
            // What the whole file suffers from is told of the file.
            OpenError::MigrationFailed { cause, .. }
                if matches!(sqlite_code(&cause), Some(5 | 6 | 8 | 11 | 13 | 26)) =>
            {
                OpenError::of_file(path, options.migration_patience, cause)
            }
            error => error,
        })
}

/// Fails unless the schema has everything that this binary carries.
pub(crate) async fn require_up_to_date(
    schema: &'static ModuleSchema,
    connection: &mut Connection,
    address: &str,
    url: &DatabaseUrl,
) -> Result<(), OpenError> {
    let applied = history::read(connection).await.map_err(|cause| OpenError::Failed {
        what: format!("reading the migrations of {} at {address}", schema.module),
        cause,
    })?;
    let known = plan::known(schema, Engine::Postgres)?;
    match plan::missing(&known, &applied, address)?.first() {
        None => Ok(()),
        Some(first) => Err(OpenError::NotMigrated {
            module: schema.module,
            address: address.to_owned(),
            lacks: format!("it lacks {} {}", first.set, first.name),
            url: url.to_string(),
        }),
    }
}

/// Applies what is missing, one transaction each. The history is read again in each: another migrator may have run.
async fn apply_all(
    known: &[Known],
    connection: &mut Connection,
    place: &str,
    options: &DbOptions,
) -> Result<Vec<AppliedMigration>, OpenError> {
    let mut done = Vec::new();
    loop {
        match apply_next(connection, known, place, options).await {
            Ok(Some(applied)) => done.push(applied),
            result => {
                // Fails only if nothing was begun, or together with the connection.
                let _ = connection.roll_back().await;
                if connection.engine() == Engine::Sqlite {
                    let restored = connection.script("PRAGMA foreign_keys = ON").await;
                    restored.map_err(|cause| OpenError::Failed {
                        what: format!("turning foreign keys on again in {place}"),
                        cause,
                    })?;
                }
                return result.map(|_| done);
            }
        }
    }
}

/// Applies the first missing migration and commits; none if nothing is missing.
async fn apply_next(
    connection: &mut Connection,
    known: &[Known],
    place: &str,
    options: &DbOptions,
) -> Result<Option<AppliedMigration>, OpenError> {
    let failed = |set: &str, name: &str, cause| OpenError::MigrationFailed {
        set: set.to_owned(),
        name: name.to_owned(),
        place: place.to_owned(),
        cause,
    };
    let started = async {
        begin(connection, options.migration_patience).await?;
        history::prepare(connection).await?;
        history::read(connection).await
    };
    let applied = started.await.map_err(|cause| failed(CHASSIS, "history", cause))?;
    let missing = plan::missing(known, &applied, place)?;
    let Some(next) = missing.first() else {
        return Ok(None);
    };
    let apply = async {
        connection.script(next.text).await?;
        require_sound_references(connection).await?;
        history::note(connection, next, options.clock.now()).await?;
        connection.script("COMMIT").await
    };
    apply.await.map_err(|cause| failed(next.set, next.name, cause))?;
    tracing::info!(set = next.set, migration = next.name, place, "migrated");
    Ok(Some(AppliedMigration::of(next)))
}

/// What the foreign keys that were off would have refused.
async fn require_sound_references(connection: &mut Connection) -> Result<(), sqlx::Error> {
    if connection.engine() == Engine::Postgres {
        return Ok(());
    }
    let broken: Vec<(String, i64)> = connection
        .fetch(
            "SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1".into_sql_str(),
            &(),
            Keep::First,
        )
        .await?;
    match broken.first() {
        None => Ok(()),
        Some((table, rows)) => Err(sqlx::Error::Protocol(format!(
            "{rows} rows of {table} refer to rows that are not there"
        ))),
    }
}

/// On SQLite an exclusive lock, with foreign keys off, so that a table that others refer to can be rebuilt; on Postgres the migrator has its lock already.
async fn begin(connection: &mut Connection, patience: Duration) -> Result<(), sqlx::Error> {
    if connection.engine() == Engine::Postgres {
        return connection.script("BEGIN").await;
    }
    connection.script("PRAGMA foreign_keys = OFF").await?;
    let give_up = Instant::now() + patience;
    loop {
        match connection.script("BEGIN EXCLUSIVE").await {
            Err(error) if is_busy(&error) && Instant::now() < give_up => sleep(RETRY).await,
            result => return result,
        }
    }
}
