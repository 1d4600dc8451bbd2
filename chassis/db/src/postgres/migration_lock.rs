//! Migration lock: one process at a time changes the schemas and roles of a Postgres database.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::open_error::OpenError;

/// Key of the advisory lock, one lock per database: the bytes of `offshoot`.
const MIGRATION_LOCK_KEY: i64 = i64::from_be_bytes(*b"offshoot");

/// Acquires the lock, which the connection holds until it is closed.
pub(crate) async fn acquire_migration_lock(
    connection: &mut PgConnection,
    module: &'static str,
    address: &str,
    lock_timeout: Duration,
) -> Result<(), OpenError> {
    let lock = format!(
        "SET lock_timeout TO {}; SELECT pg_advisory_lock({MIGRATION_LOCK_KEY}); RESET lock_timeout",
        lock_timeout.as_millis().max(1)
    );
    let locked = sqlx::raw_sql(AssertSqlSafe(lock)).execute(connection).await;
    locked.map(drop).map_err(|cause| OpenError::MigrationLockTimeout {
        module,
        location: address.to_owned(),
        seconds: lock_timeout.as_secs(),
        cause,
    })
}
