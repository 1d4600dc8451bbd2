//! Migration history: the table `offshoot_migrations`, which lists the migrations applied to a schema.

use offshoot_contract::Timestamp;
use sqlx::SqlSafeStr;

use crate::connection::Connection;
use crate::migrate::plan::{CarriedMigration, HistoryEntry};
use crate::rows::Keep;
use crate::sql;

/// Reads the history, oldest entry first; empty before the first migration.
pub(crate) async fn read(connection: &mut Connection) -> Result<Vec<HistoryEntry>, sqlx::Error> {
    let engine = connection.engine();
    let exists = sql!(
        sqlite: "SELECT count(*) FROM sqlite_schema WHERE name = 'offshoot_migrations'",
        postgres: "SELECT count(*) FROM pg_class WHERE oid = to_regclass('offshoot_migrations')"
    );
    let found: Vec<(i64,)> = connection
        .fetch(exists.text(engine).into_sql_str(), &(), Keep::First)
        .await?;
    if found.first().is_none_or(|(count,)| *count == 0) {
        return Ok(Vec::new());
    }
    let all = sql!(
        "SELECT set_name, version, name, kind, checksum, applied_at FROM offshoot_migrations \
         ORDER BY applied_at, set_name, version"
    );
    connection.fetch(all.text(engine).into_sql_str(), &(), Keep::All).await
}

/// Creates the table if it is missing.
pub(crate) async fn create_table(connection: &mut Connection) -> Result<(), sqlx::Error> {
    let create = sql!(
        sqlite: "CREATE TABLE IF NOT EXISTS offshoot_migrations (
            set_name   TEXT    NOT NULL,
            version    INTEGER NOT NULL,
            name       TEXT    NOT NULL,
            kind       TEXT    NOT NULL CHECK (kind IN ('expand', 'contract')),
            checksum   BLOB    NOT NULL,
            applied_at INTEGER NOT NULL,
            PRIMARY KEY (set_name, version)
        ) STRICT",
        postgres: "CREATE TABLE IF NOT EXISTS offshoot_migrations (
            set_name   text        NOT NULL,
            version    integer     NOT NULL,
            name       text        NOT NULL,
            kind       text        NOT NULL CHECK (kind IN ('expand', 'contract')),
            checksum   bytea       NOT NULL,
            applied_at timestamptz NOT NULL,
            PRIMARY KEY (set_name, version)
        )"
    );
    let text = create.text(connection.engine());
    connection.execute_script(text).await
}

/// Records a migration as applied.
pub(crate) async fn insert(
    connection: &mut Connection,
    migration: &CarriedMigration,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let insert = sql!(
        "INSERT INTO offshoot_migrations (set_name, version, name, kind, checksum, applied_at) \
         VALUES ($1, $2, $3, $4, $5, $6)"
    );
    let text = insert.text(connection.engine()).into_sql_str();
    // Versions are small consecutive numbers and never reach 31 bits.
    let version = i32::try_from(migration.version).unwrap_or(i32::MAX);
    let params = (
        migration.set,
        version,
        migration.name,
        migration.kind.as_str(),
        migration.checksum.as_slice(),
        now,
    );
    connection.execute(text, &params).await.map(drop)
}
