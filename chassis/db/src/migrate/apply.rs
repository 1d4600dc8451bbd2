//! Applies migrations, one migrator at a time. Each migration and its history entry share one transaction, so a crash
//! leaves the schema at the version before or after the migration. A migration without transaction is repeated instead.

use std::path::Path;
use std::time::Duration;

use sqlx::{AssertSqlSafe, SqlSafeStr};
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::error_code::{is_busy, is_lock_timeout, sqlite_code};
use crate::migrate::history;
use crate::migrate::plan::{self, CarriedMigration};
use crate::migrate::schema::{CHASSIS, ModuleSchema};
use crate::migrate::table_locks::{LockHolders, TABLE_LOCK_RETRY, TABLE_LOCK_TIMEOUT};
use crate::open_error::OpenError;
use crate::options::DbOptions;
use crate::postgres::{
    PostgresLogin, PostgresServer, ProvisionOptions, ProvisioningTarget, SessionRole, acquire_migration_lock,
    connect_within, grant_privileges, has_roles_and_schema, owner_role, provision, quote_plain_name,
};
use crate::restoring::{require_restored_file, require_restored_schema};
use crate::rows::Keep;
use crate::sqlite::{SqliteFile, open_or_create};
use crate::statement::Engine;
use crate::url::DatabaseUrl;

/// Pause between two attempts to lock a SQLite file that another migrator holds.
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// Result of [`migrate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// The migrated module.
    pub module: &'static str,
    /// The migrations applied by this run, in order; empty if the schema was up to date.
    pub applied: Vec<MigrationId>,
}

/// Identifies a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationId {
    /// `chassis`, or the module's name.
    pub set: String,
    /// Version within the set.
    pub version: u32,
    /// File name without extension: `0001_stations`.
    pub name: String,
}

impl MigrationId {
    pub(crate) fn from_carried(migration: &CarriedMigration) -> Self {
        Self {
            set: migration.set.to_owned(),
            version: migration.version,
            name: migration.name.to_owned(),
        }
    }
}

/// Brings the schema of one module up to date, on either engine.
///
/// On Postgres the login must be allowed to act as the owner of the schema. Missing roles and a missing schema are
/// created if the login has the privileges; see [`provision`](crate::provision()).
pub async fn migrate(
    schema: &'static ModuleSchema,
    url: &DatabaseUrl,
    options: &DbOptions,
) -> Result<MigrationReport, OpenError> {
    schema.check_name()?;
    let applied = match url {
        DatabaseUrl::Sqlite(directory) => {
            let file = SqliteFile::of_module(directory, schema.module);
            require_restored_file(directory, schema.module)?;
            let connection = open_or_create(directory, &file, options.migration_lock_timeout).await?;
            let mut connection = Connection::Sqlite(connection);
            require_restored_file(directory, schema.module)?;
            let applied = migrate_file(schema, &mut connection, &file.path, options).await?;
            connection.close().await;
            applied
        }
        DatabaseUrl::Postgres(login) => {
            let server = PostgresServer::new(login, schema.module, SessionRole::Login);
            let carried = plan::list_carried(schema, Engine::Postgres)?;
            migrate_postgres(schema.module, carried, &server, options, Purpose::Upgrade).await?
        }
    };
    Ok(MigrationReport {
        module: schema.module,
        applied,
    })
}

/// For a restore: brings a schema on Postgres to the migrations in `history`, and creates a missing schema. Rows copied from
/// such a schema then fit. Works on data that is marked as half restored, as [`migrate`] does not.
pub async fn migrate_to(
    schema: &'static ModuleSchema,
    login: &PostgresLogin,
    history: &[MigrationId],
    options: &DbOptions,
) -> Result<(), OpenError> {
    schema.check_name()?;
    let mut carried = plan::list_carried(schema, Engine::Postgres)?;
    carried.retain(|migration| {
        let is_same = |id: &MigrationId| id.set == migration.set && id.version == migration.version;
        history.iter().any(is_same)
    });
    let server = PostgresServer::new(login, schema.module, SessionRole::Login);
    migrate_postgres(schema.module, carried, &server, options, Purpose::Restore)
        .await
        .map(drop)
}

/// Lists the migrations of this binary for `engine`, each with the SHA-256 that the history records.
pub fn carried_migrations(schema: &ModuleSchema, engine: Engine) -> Result<Vec<(MigrationId, Vec<u8>)>, OpenError> {
    let carried = plan::list_carried(schema, engine)?;
    Ok(carried
        .into_iter()
        .map(|migration| (MigrationId::from_carried(&migration), migration.checksum))
        .collect())
}

/// Whether a migration may work on data that is marked as half restored.
#[derive(PartialEq, Eq)]
enum Purpose {
    Upgrade,
    Restore,
}

async fn migrate_postgres(
    module: &'static str,
    carried: Vec<CarriedMigration>,
    server: &PostgresServer,
    options: &DbOptions,
    purpose: Purpose,
) -> Result<Vec<MigrationId>, OpenError> {
    let (address, lock_timeout) = (server.address(), options.migration_lock_timeout);
    let connected = connect_within(server, options.server_patience).await;
    let mut connection = connected.map_err(|cause| OpenError::CannotConnect {
        module,
        address: address.clone(),
        cause,
    })?;
    if purpose == Purpose::Upgrade {
        require_restored_schema(&mut connection, module, &address).await?;
    }
    acquire_migration_lock(&mut connection, module, &address, lock_timeout).await?;
    let target = ProvisioningTarget {
        module,
        address: &address,
        server,
    };
    let provisioned = has_roles_and_schema(&mut connection, module).await;
    if !provisioned.map_err(|cause| target.failed("inspecting roles and schema", cause))? {
        let development = ProvisionOptions {
            shared: true,
            ..ProvisionOptions::default()
        };
        provision(&mut connection, target, &development).await?;
    }
    let set_role = format!(
        "SET ROLE {}; SET search_path TO {}",
        quote_plain_name(&owner_role(module)),
        quote_plain_name(module)
    );
    let switched = sqlx::raw_sql(AssertSqlSafe(set_role)).execute(&mut connection).await;
    switched.map_err(|cause| target.failed("switching to the owner role of the schema", cause))?;
    let holders = LockHolders::of(server, &mut connection).await;
    let mut holders = holders.map_err(|cause| target.failed("asking for the id of the session", cause))?;
    let mut connection = Connection::Postgres(connection);
    let applied = apply_missing(&carried, &mut connection, &address, options, &mut holders).await?;
    if let Connection::Postgres(connection) = &mut connection {
        let granted = grant_privileges(connection, module).await;
        granted.map_err(|cause| target.failed("granting privileges to the runtime role", cause))?;
    }
    connection.close().await;
    Ok(applied)
}

/// Brings the file of one module up to date. The first read of the history takes no lock, because usually no migration
/// is missing.
pub(crate) async fn migrate_file(
    schema: &'static ModuleSchema,
    connection: &mut Connection,
    path: &Path,
    options: &DbOptions,
) -> Result<Vec<MigrationId>, OpenError> {
    let history = history::read(connection).await;
    let history = history.map_err(|cause| OpenError::from_file_error(path, options.migration_lock_timeout, cause))?;
    let location = path.display().to_string();
    let carried = plan::list_carried(schema, Engine::Sqlite)?;
    if plan::find_missing(&carried, &history, &location)?.is_empty() {
        return Ok(Vec::new());
    }
    apply_missing(&carried, connection, &location, options, &mut LockHolders::none())
        .await
        .map_err(|error| match error {
            // A lock, a full disk or damage concerns the file and not the migration.
            OpenError::MigrationFailed { cause, .. }
                if matches!(sqlite_code(&cause), Some(5 | 6 | 8 | 11 | 13 | 26)) =>
            {
                OpenError::from_file_error(path, options.migration_lock_timeout, cause)
            }
            error => error,
        })
}

/// Fails unless the schema has every migration of this binary.
pub(crate) async fn require_up_to_date(
    schema: &'static ModuleSchema,
    connection: &mut Connection,
    address: &str,
    url: &DatabaseUrl,
) -> Result<(), OpenError> {
    let history = history::read(connection).await.map_err(|cause| OpenError::Failed {
        operation: format!("reading the migrations of {} at {address}", schema.module),
        cause,
    })?;
    let carried = plan::list_carried(schema, Engine::Postgres)?;
    match plan::find_missing(&carried, &history, address)?.first() {
        None => Ok(()),
        Some(first) => Err(OpenError::NotMigrated {
            module: schema.module,
            address: address.to_owned(),
            missing: format!("the migration {} {} is missing", first.set, first.name),
            url: url.to_string(),
        }),
    }
}

/// Applies the missing migrations, each in its own transaction. Each transaction reads the history again, because
/// another migrator may have run in between.
async fn apply_missing(
    carried: &[CarriedMigration],
    connection: &mut Connection,
    location: &str,
    options: &DbOptions,
    holders: &mut LockHolders<'_>,
) -> Result<Vec<MigrationId>, OpenError> {
    let mut done = Vec::new();
    loop {
        match apply_next_when_unlocked(connection, carried, location, options, holders).await {
            Ok(Some(applied)) => done.push(applied),
            result => {
                // A rollback fails only without an open transaction, or if the connection is lost.
                let _ = connection.roll_back().await;
                if connection.engine() == Engine::Sqlite {
                    let restored = connection.execute_script("PRAGMA foreign_keys = ON").await;
                    restored.map_err(|cause| OpenError::Failed {
                        operation: format!("enabling foreign keys again in {location}"),
                        cause,
                    })?;
                }
                return result.map(|_| done);
            }
        }
    }
}

/// Applies the first missing migration. On Postgres, repeats an attempt that gets no lock of a table in a short time.
async fn apply_next_when_unlocked(
    connection: &mut Connection,
    carried: &[CarriedMigration],
    location: &str,
    options: &DbOptions,
    holders: &mut LockHolders<'_>,
) -> Result<Option<MigrationId>, OpenError> {
    let patience = options.migration_lock_timeout;
    let give_up_at = Instant::now() + patience;
    let mut backoff = TABLE_LOCK_RETRY;
    let mut is_reported = false;
    loop {
        let attempt = apply_next(connection, carried, location, options);
        let (set, name) = match holders.observe(attempt).await {
            Err(OpenError::MigrationFailed { set, name, cause, .. }) if is_lock_timeout(&cause) => (set, name),
            result => return result,
        };
        let pause = backoff.next_scattered_pause();
        let location = location.to_owned();
        if Instant::now() + pause > give_up_at {
            return Err(OpenError::MigrationBlocked {
                migration: format!("{set} {name}"),
                location,
                seconds: patience.as_secs(),
                holders: holders.describe().to_owned(),
            });
        }
        if !is_reported {
            let holders = holders.describe();
            tracing::warn!(
                set,
                migration = name,
                location,
                holders,
                "a migration waits for the lock of a table"
            );
            is_reported = true;
        }
        let rolled_back = connection.roll_back().await;
        rolled_back.map_err(|cause| OpenError::MigrationFailed {
            set,
            name,
            location,
            cause,
        })?;
        sleep(pause).await;
    }
}

/// Applies the first missing migration and commits. Returns none if no migration is missing.
async fn apply_next(
    connection: &mut Connection,
    carried: &[CarriedMigration],
    location: &str,
    options: &DbOptions,
) -> Result<Option<MigrationId>, OpenError> {
    let failed = |set: &str, name: &str, cause| OpenError::MigrationFailed {
        set: set.to_owned(),
        name: name.to_owned(),
        location: location.to_owned(),
        cause,
    };
    let started = async {
        begin_migration(connection, options.migration_lock_timeout).await?;
        history::create_table(connection).await?;
        history::read(connection).await
    };
    let history = started.await.map_err(|cause| failed(CHASSIS, "history", cause))?;
    let missing = plan::find_missing(carried, &history, location)?;
    let Some(next) = missing.first() else {
        return Ok(None);
    };
    let apply = async {
        if !next.in_transaction {
            return apply_without_transaction(connection, next, options).await;
        }
        connection.execute_script(next.text).await?;
        require_valid_foreign_keys(connection).await?;
        history::insert(connection, next, options.clock.now()).await?;
        connection.execute_script("COMMIT").await
    };
    apply.await.map_err(|cause| failed(next.set, next.name, cause))?;
    tracing::info!(set = next.set, migration = next.name, location, "migration applied");
    Ok(Some(MigrationId::from_carried(next)))
}

/// Applies a Postgres migration whose statements must not be in a transaction, one by one. Nobody waits behind a
/// statement with CONCURRENTLY, so only such a statement waits long for others.
async fn apply_without_transaction(
    connection: &mut Connection,
    migration: &CarriedMigration,
    options: &DbOptions,
) -> Result<(), sqlx::Error> {
    connection.execute_script("COMMIT").await?;
    for statement in migration.text.split_inclusive(";\n") {
        let is_concurrent = statement.to_ascii_lowercase().contains("concurrently");
        let wait = if is_concurrent {
            options.migration_lock_timeout
        } else {
            TABLE_LOCK_TIMEOUT
        };
        let wait = AssertSqlSafe(format!("SET lock_timeout TO {}", wait.as_millis().max(1)));
        connection.execute_script(wait).await?;
        connection.execute_script(statement).await?;
    }
    history::insert(connection, migration, options.clock.now()).await?;
    connection.execute_script("RESET lock_timeout").await
}

/// Checks on SQLite the references that were not enforced while foreign keys were disabled.
async fn require_valid_foreign_keys(connection: &mut Connection) -> Result<(), sqlx::Error> {
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
            "{rows} rows of {table} reference rows that do not exist"
        ))),
    }
}

/// Begins the transaction of a migration.
///
/// On SQLite the transaction takes an exclusive lock, and foreign keys are disabled, so that a referenced table can be
/// rebuilt. On Postgres the migrator holds the migration lock already, and the locks of tables are waited for shortly.
async fn begin_migration(connection: &mut Connection, lock_timeout: Duration) -> Result<(), sqlx::Error> {
    if connection.engine() == Engine::Postgres {
        let wait = TABLE_LOCK_TIMEOUT.as_millis();
        let begin = AssertSqlSafe(format!("BEGIN; SET LOCAL lock_timeout TO {wait}"));
        return connection.execute_script(begin).await;
    }
    connection.execute_script("PRAGMA foreign_keys = OFF").await?;
    let give_up_at = Instant::now() + lock_timeout;
    loop {
        match connection.execute_script("BEGIN EXCLUSIVE").await {
            Err(error) if is_busy(&error) && Instant::now() < give_up_at => sleep(LOCK_RETRY).await,
            result => return result,
        }
    }
}
