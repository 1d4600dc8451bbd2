//! Database connection of either engine. This file must not know modules, pools or transactions.

use futures_util::TryStreamExt;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, SqlSafeStr, SqlStr};
use tokio::time::Instant;

use crate::params::Params;
use crate::rows::{Decoded, Keep, Row, RowSink};
use crate::sqlite::InterruptibleConnection;
use crate::statement::Engine;

/// A connection of either engine. One task uses a connection at a time.
pub(crate) enum Connection {
    Sqlite(InterruptibleConnection),
    Postgres(PgConnection),
}

impl Connection {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Connection::Sqlite(_) => Engine::Sqlite,
            Connection::Postgres(_) => Engine::Postgres,
        }
    }

    /// Interrupts SQLite statements that run past `deadline`. On Postgres the transaction sets its own timeout.
    pub(crate) fn set_deadline(&self, deadline: Instant) {
        if let Connection::Sqlite(sqlite) = self {
            sqlite.deadline().set(deadline);
        }
    }

    pub(crate) async fn fetch<T: Row>(
        &mut self,
        text: SqlStr,
        params: &dyn Params<'_>,
        keep: Keep,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut rows = Decoded::new(keep);
        self.read_rows(text, params, &mut rows).await?;
        Ok(rows.into_vec())
    }

    /// Passes each row of a statement to `rows`, as the row arrives.
    pub(crate) async fn read_rows(
        &mut self,
        text: SqlStr,
        params: &dyn Params<'_>,
        rows: &mut dyn RowSink,
    ) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(sqlite) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                let mut found = sqlx::query_with(text, arguments).fetch(sqlite.connection());
                while let Some(row) = found.try_next().await? {
                    rows.push_sqlite(&row)?;
                }
            }
            Connection::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                let mut found = sqlx::query_with(text, arguments).fetch(connection);
                while let Some(row) = found.try_next().await? {
                    rows.push_postgres(&row)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the number of changed rows.
    pub(crate) async fn execute(&mut self, text: SqlStr, params: &dyn Params<'_>) -> Result<u64, sqlx::Error> {
        match self {
            Connection::Sqlite(sqlite) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                let done = sqlx::query_with(text, arguments).execute(sqlite.connection()).await?;
                Ok(done.rows_affected())
            }
            Connection::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                let done = sqlx::query_with(text, arguments).execute(connection).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Executes any number of statements without parameters, in one message.
    pub(crate) async fn execute_script(&mut self, text: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(text);
        match self {
            Connection::Sqlite(sqlite) => script.execute(sqlite.connection()).await.map(drop),
            Connection::Postgres(connection) => script.execute(connection).await.map(drop),
        }
    }

    /// Interrupts a statement that still runs and rolls the transaction back.
    pub(crate) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(sqlite) => sqlite.roll_back().await,
            Connection::Postgres(_) => self.execute_script("ROLLBACK").await,
        }
    }

    pub(crate) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(sqlite) => sqlite.connection().ping().await,
            Connection::Postgres(connection) => connection.ping().await,
        }
    }

    pub(crate) async fn close(self) {
        // The connection is gone even if closing fails.
        let _ = match self {
            Connection::Sqlite(sqlite) => sqlite.close().await,
            Connection::Postgres(connection) => connection.close().await,
        };
    }
}
