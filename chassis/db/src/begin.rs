//! The first message of a transaction: BEGIN, the ownership check and the lookup of the recorded response.
//!
//! All three take one round trip. This file must not know the call context; [`Tx`](crate::Tx) evaluates the reply.

use std::fmt::Write;
use std::time::Duration;

use futures_util::TryStreamExt;
use offshoot_contract::{Backoff, Timestamp};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::error_code::is_busy;
use crate::postgres::quote_plain_name;
use crate::rows::Keep;

/// Pauses between attempts to lock a file that another process is writing to: short enough to follow the other
/// process's commits, long enough to spare the CPU.
const LOCK_RETRY: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(10));

crate::row! {
    /// Reply to the first message.
    #[derive(Debug)]
    pub(crate) struct BeginReply {
        /// Ownership role of this database: only a database with the role `open` takes writes.
        pub(crate) role: String,
        /// Rises with every change of the role.
        pub(crate) epoch: i64,
        /// Hash of the arguments recorded under the call's key.
        pub(crate) arguments: Option<Vec<u8>>,
        /// Response recorded under the call's key, as JSON.
        pub(crate) answer: Option<String>,
    }
}

/// Parameters of the first message.
pub(crate) struct BeginRequest<'a> {
    pub(crate) module: &'static str,
    /// Primary key of the recorded response: none for a call without an idempotency key.
    pub(crate) scope: Option<&'a [u8]>,
    pub(crate) now: Timestamp,
    pub(crate) deadline: Instant,
}

/// First message on SQLite. An expired response does not count. Without a key `$1` is NULL and matches no row.
const SQLITE: &str = "BEGIN IMMEDIATE; \
    SELECT o.role, o.epoch, a.arguments, a.answer FROM offshoot_owner o \
    LEFT JOIN offshoot_answers a ON a.scope = $1 AND a.expires_at > $2";

/// Begins a transaction. After an error a transaction may still be open, so the caller must roll back.
pub(crate) async fn begin_transaction(
    connection: &mut Connection,
    request: &BeginRequest<'_>,
) -> Result<BeginReply, sqlx::Error> {
    let reply = match connection {
        Connection::Postgres(connection) => begin_postgres(connection, request).await?,
        Connection::Sqlite(_) => begin_sqlite(connection, request).await?,
    };
    // The first migration inserts the row of `offshoot_owner`, and nothing deletes the row.
    reply.ok_or(sqlx::Error::RowNotFound)
}

async fn begin_sqlite(
    connection: &mut Connection,
    request: &BeginRequest<'_>,
) -> Result<Option<BeginReply>, sqlx::Error> {
    connection.set_deadline(request.deadline);
    let params = (request.scope, request.now);
    let mut backoff = LOCK_RETRY;
    loop {
        let pause = backoff.next_pause();
        match connection.fetch(SQLITE.into_sql_str(), &params, Keep::First).await {
            Err(error) if is_busy(&error) && Instant::now() + pause < request.deadline => {
                sleep(pause).await;
            }
            result => return result.map(|mut rows| rows.pop()),
        }
    }
}

async fn begin_postgres(
    connection: &mut PgConnection,
    request: &BeginRequest<'_>,
) -> Result<Option<BeginReply>, sqlx::Error> {
    let left = request.deadline.saturating_duration_since(Instant::now());
    // Zero would disable the limit.
    let timeout = left.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
    let schema = quote_plain_name(request.module);
    // A simple query takes no parameters: every interpolated value is hexadecimal or a number formatted here.
    let mut scope = String::from("NULL");
    if let Some(requested) = request.scope {
        scope = String::from(r"'\x");
        for byte in requested {
            // Writing to a string cannot fail.
            let _ = write!(scope, "{byte:02x}");
        }
        scope.push('\'');
    }
    let now = request.now.as_micros();
    let text = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout TO {timeout}; \
         SELECT role, epoch, arguments, answer FROM {schema}.offshoot_begin({scope}, {now})"
    );
    let mut rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch(connection);
    let mut reply = None;
    while let Some(row) = rows.try_next().await? {
        reply = Some(<BeginReply as sqlx::FromRow<_>>::from_row(&row)?);
    }
    Ok(reply)
}
