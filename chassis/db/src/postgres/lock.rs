//! One at a time: those who change a database's schemas and roles wait for each other.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::OpenError;

/// The advisory lock of Postgres migrators, one per database: the first eight bytes of `offshoot`.
const MIGRATOR_LOCK: i64 = i64::from_be_bytes(*b"offshoot");

/// Takes the lock, which is held until the connection is closed.
pub(crate) async fn lock_migrators(
    connection: &mut PgConnection,
    module: &'static str,
    address: &str,
    patience: Duration,
) -> Result<(), OpenError> {
    let lock = format!(
        "SET lock_timeout TO {}; SELECT pg_advisory_lock({MIGRATOR_LOCK}); RESET lock_timeout",
        patience.as_millis().max(1)
    );
    let locked = sqlx::raw_sql(AssertSqlSafe(lock)).execute(connection).await;
    locked.map(drop).map_err(|cause| OpenError::MigratorBusy {
        module,
        place: address.to_owned(),
        seconds: patience.as_secs(),
        cause,
    })
}
