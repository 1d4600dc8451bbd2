//! The first message of a transaction: BEGIN, who owns the data, and what is recorded under the call's key.
//!
//! All in one round trip. Knows no call context; [`Tx`](crate::Tx) judges what is found.

use std::fmt::Write;
use std::time::Duration;

use futures_util::TryStreamExt;
use offshoot_contract::Timestamp;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, FromRow, SqlSafeStr};
use tokio::time::{Instant, sleep};

use crate::connection::{Connection, Keep};
use crate::failure::is_busy;
use crate::idempotency::Scope;
use crate::postgres::quoted;

/// How long to wait between two tries for the lock of a file that another process is writing to. Doubles up to the
/// second: short enough to follow the other's commits, long enough to leave it the processor.
const POLL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(10));

/// What the first message found.
#[derive(Debug, FromRow)]
pub(crate) struct Opening {
    /// Of this database towards the module's data: only `open` may be written to.
    pub(crate) role: String,
    /// Rises with every change of the role.
    pub(crate) epoch: i64,
    /// The hash of the arguments recorded under the call's key.
    pub(crate) arguments: Option<Vec<u8>>,
    /// The answer recorded under it, as JSON.
    pub(crate) answer: Option<String>,
}

/// What to ask for.
pub(crate) struct Ask<'a> {
    pub(crate) module: &'static str,
    pub(crate) scope: Option<&'a Scope>,
    pub(crate) now: Timestamp,
    pub(crate) deadline: Instant,
}

/// A recorded answer that has expired counts as none. Without a key nothing equals `$1`.
const SQLITE: &str = "BEGIN IMMEDIATE; \
    SELECT o.role, o.epoch, a.arguments, a.answer FROM offshoot_owner o \
    LEFT JOIN offshoot_answers a ON a.scope = $1 AND a.expires_at > $2";

/// Opens a transaction. On an error one may be open all the same: roll back.
pub(crate) async fn open(connection: &mut Connection, ask: &Ask<'_>) -> Result<Opening, sqlx::Error> {
    let found = match connection {
        Connection::Postgres(connection) => postgres(connection, ask).await?,
        Connection::Sqlite(_) => sqlite(connection, ask).await?,
    };
    // The migration wrote the row, and nothing removes it.
    found.ok_or(sqlx::Error::RowNotFound)
}

async fn sqlite(connection: &mut Connection, ask: &Ask<'_>) -> Result<Option<Opening>, sqlx::Error> {
    connection.set_deadline(ask.deadline);
    let params = (ask.scope.map(Scope::bytes), ask.now);
    let mut pause = POLL.0;
    loop {
        match connection.fetch(SQLITE.into_sql_str(), &params, Keep::First).await {
            Err(error) if is_busy(&error) && Instant::now() + pause < ask.deadline => {
                sleep(pause).await;
                pause = (pause * 2).min(POLL.1);
            }
            result => return result.map(|mut rows| rows.pop()),
        }
    }
}

async fn postgres(connection: &mut PgConnection, ask: &Ask<'_>) -> Result<Option<Opening>, sqlx::Error> {
    let left = ask.deadline.saturating_duration_since(Instant::now());
    // Zero would mean that there is no limit.
    let timeout = left.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
    let schema = quoted(ask.module);
    // A simple query takes no parameters: everything in it is hexadecimal or a number that we format ourselves.
    let mut scope = String::from("NULL");
    if let Some(asked) = ask.scope {
        scope = String::from(r"'\x");
        for byte in asked.bytes() {
            // Writing to a string cannot fail.
            let _ = write!(scope, "{byte:02x}");
        }
        scope.push('\'');
    }
    let now = ask.now.as_micros();
    let text = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout TO {timeout}; \
         SELECT role, epoch, arguments, answer FROM {schema}.offshoot_begin({scope}, {now})"
    );
    let mut rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch(connection);
    let mut opening = None;
    while let Some(row) = rows.try_next().await? {
        opening = Some(Opening::from_row(&row)?);
    }
    Ok(opening)
}
