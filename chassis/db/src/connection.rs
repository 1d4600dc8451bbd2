//! One connection of either engine, and the few things asked of it. Knows no module, pool or transaction.

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, FromRow, SqlSafeStr, SqlStr};
use tokio::time::Instant;

use crate::sqlite::SqliteLink;
use crate::{Engine, Params, Row};

/// A connection that one task uses at a time.
pub(crate) enum Connection {
    Sqlite(SqliteLink),
    Postgres(PgConnection),
}

/// How many of a statement's rows are wanted. The others are read too: a statement is always run to its end, so that
/// an error that comes late is seen on both engines, and nothing of it is left on the connection.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    All,
    First,
}

impl Connection {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Connection::Sqlite(_) => Engine::Sqlite,
            Connection::Postgres(_) => Engine::Postgres,
        }
    }

    /// From here on no statement runs longer than this. On Postgres the transaction says so itself.
    pub(crate) fn set_deadline(&self, deadline: Instant) {
        if let Connection::Sqlite(link) = self {
            link.alarm().set(deadline);
        }
    }

    pub(crate) async fn fetch<'q, T: Row>(
        &mut self,
        text: SqlStr,
        params: &impl Params<'q>,
        keep: Keep,
    ) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Connection::Sqlite(link) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                collect(sqlx::query_with(text, arguments).fetch(link.connection()), keep).await
            }
            Connection::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                collect(sqlx::query_with(text, arguments).fetch(connection), keep).await
            }
        }
    }

    /// Answers the number of rows that the statement changed.
    pub(crate) async fn execute<'q>(&mut self, text: SqlStr, params: &impl Params<'q>) -> Result<u64, sqlx::Error> {
        match self {
            Connection::Sqlite(link) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                let done = sqlx::query_with(text, arguments).execute(link.connection()).await?;
                Ok(done.rows_affected())
            }
            Connection::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                let done = sqlx::query_with(text, arguments).execute(connection).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Runs any number of statements without parameters, in one message.
    pub(crate) async fn script(&mut self, text: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(text);
        match self {
            Connection::Sqlite(link) => script.execute(link.connection()).await.map(drop),
            Connection::Postgres(connection) => script.execute(connection).await.map(drop),
        }
    }

    /// Ends the transaction and whatever statement still runs in it.
    pub(crate) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(link) => link.roll_back().await,
            Connection::Postgres(_) => self.script("ROLLBACK").await,
        }
    }

    pub(crate) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(link) => link.connection().ping().await,
            Connection::Postgres(connection) => connection.ping().await,
        }
    }

    pub(crate) async fn close(self) {
        // Whatever goes wrong here, the connection is gone.
        let _ = match self {
            Connection::Sqlite(link) => link.close().await,
            Connection::Postgres(connection) => connection.close().await,
        };
    }
}

/// Decodes rows as they come.
async fn collect<R, T>(mut rows: BoxStream<'_, Result<R, sqlx::Error>>, keep: Keep) -> Result<Vec<T>, sqlx::Error>
where
    R: sqlx::Row,
    T: for<'r> FromRow<'r, R>,
{
    let mut decoded = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if matches!(keep, Keep::All) || decoded.is_empty() {
            decoded.push(T::from_row(&row)?);
        }
    }
    Ok(decoded)
}

/// Whether the connection is of no further use, and what it was asked has not been answered.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Shut down by an operator, crashed, starting up, idle in a transaction for too long, and the class of connection errors.
        sqlx::Error::Database(answer) => answer.code().is_some_and(|code| {
            matches!(code.as_ref(), "57P01" | "57P02" | "57P03" | "25P03")
                || (code.len() == 5 && code.starts_with("08"))
        }),
        _ => false,
    }
}
