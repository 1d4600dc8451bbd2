//! Queries that return rows, shared by reads and transactions.

use futures_util::future::BoxFuture;
use offshoot_contract::CallFailure;
use sqlx::{SqlSafeStr, SqlStr};
use tokio::time::{Instant, timeout_at};

use crate::error_code::is_connection_lost;
use crate::params::Params;
use crate::pool::{ConnectionState, PooledConnection};
use crate::rows::{Decoded, Keep, Row, RowSink};
use crate::statement::{Engine, Sql};
use crate::{failure, statement_coverage};

/// Queries that return rows. [`Read`](crate::Read) and [`Tx`](crate::Tx) dereference to `Queries`, so a lookup function
/// takes `&mut Queries` and serves both.
pub struct Queries {
    pub(crate) pooled: PooledConnection,
    pub(crate) module: &'static str,
    pub(crate) deadline: Instant,
    /// State of the connection while a statement runs, and after a statement that was abandoned.
    while_running: ConnectionState,
    /// A statement has failed. Postgres accepts no further statement in that transaction, so neither engine may.
    failed: bool,
    /// A statement was sent and its future was dropped before the end, so the outcome is unknown.
    unfinished: bool,
}

impl Queries {
    pub(crate) fn new(
        mut pooled: PooledConnection,
        module: &'static str,
        deadline: Instant,
        while_running: ConnectionState,
    ) -> Self {
        pooled.connection().set_deadline(deadline);
        Self {
            pooled,
            module,
            deadline,
            while_running,
            failed: false,
            unfinished: false,
        }
    }

    /// The engine that executes the statements.
    pub fn engine(&mut self) -> Engine {
        self.pooled.connection().engine()
    }

    /// Returns all rows.
    pub async fn fetch_all<'q, T: Row>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<Vec<T>, CallFailure> {
        self.fetch(sql, &params, Keep::All).await
    }

    /// Returns the first row, if the query has any.
    pub async fn fetch_optional<'q, T: Row>(
        &mut self,
        sql: Sql,
        params: impl Params<'q>,
    ) -> Result<Option<T>, CallFailure> {
        Ok(self.fetch(sql, &params, Keep::First).await?.pop())
    }

    /// Returns the first row. A query without rows is a defect of the module and fails with `Internal`.
    pub async fn fetch_one<'q, T: Row>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<T, CallFailure> {
        let row = self.fetch(sql, &params, Keep::First).await?.pop();
        row.ok_or_else(|| failure::from_statement_error(self.module, Some(sql), sqlx::Error::RowNotFound))
    }

    /// Executes a statement that returns no rows. Returns the number of changed rows. Modules reach this only through
    /// [`Tx`](crate::Tx), because a read must not write.
    pub(crate) fn execute<'a>(
        &'a mut self,
        sql: Sql,
        params: &'a dyn Params<'_>,
    ) -> BoxFuture<'a, Result<u64, CallFailure>> {
        let text = sql.text(self.engine()).into_sql_str();
        self.execute_text(sql, text, params)
    }

    /// Executes `text`, which was made from `sql`. Boxed like [`read_rows`](Self::read_rows).
    pub(crate) fn execute_text<'a>(
        &'a mut self,
        sql: Sql,
        text: SqlStr,
        params: &'a dyn Params<'_>,
    ) -> BoxFuture<'a, Result<u64, CallFailure>> {
        Box::pin(async move {
            let engine = self.begin_statement()?;
            let attempt = self.pooled.connection().execute(text, params);
            let result = timeout_at(self.deadline, attempt).await;
            let changed = self.finish_statement(Some(sql), result.map_err(|_| ()))?;
            statement_coverage::record(sql, engine, true);
            Ok(changed)
        })
    }

    pub(crate) async fn ping(&mut self) -> Result<(), CallFailure> {
        self.begin_statement()?;
        let result = timeout_at(self.deadline, self.pooled.connection().ping()).await;
        self.finish_statement(None, result.map_err(|_| ()))
    }

    async fn fetch<T: Row>(&mut self, sql: Sql, params: &dyn Params<'_>, keep: Keep) -> Result<Vec<T>, CallFailure> {
        let mut rows = Decoded::new(keep);
        self.read_rows(sql, params, &mut rows).await?;
        Ok(rows.into_vec())
    }

    /// Executes a query and passes the rows to `rows`. Boxed and without the row type, so that the code is compiled once in
    /// this crate and not for each query of each module; the allocation is small beside a statement.
    fn read_rows<'a>(
        &'a mut self,
        sql: Sql,
        params: &'a dyn Params<'_>,
        rows: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), CallFailure>> {
        Box::pin(async move {
            let engine = self.begin_statement()?;
            let text = sql.text(engine);
            let attempt = self.pooled.connection().read_rows(text.into_sql_str(), params, rows);
            let mut result = timeout_at(self.deadline, attempt).await;
            if matches!(&result, Ok(Err(error)) if is_connection_lost(error) && self.may_reconnect()) {
                self.pooled.reconnect(self.deadline).await?;
                self.pooled.connection().set_deadline(self.deadline);
                rows.clear();
                let attempt = self.pooled.connection().read_rows(text.into_sql_str(), params, rows);
                result = timeout_at(self.deadline, attempt).await;
            }
            self.finish_statement(Some(sql), result.map_err(|_| ()))?;
            statement_coverage::record(sql, engine, !rows.is_empty());
            Ok(())
        })
    }

    /// Whether the query may be sent again on a new connection, because the pooled connection may have been stale. Only a
    /// read may be sent again: a read has no effect.
    fn may_reconnect(&self) -> bool {
        self.while_running == ConnectionState::Unknown && self.pooled.is_reused()
    }

    /// Whether every statement so far has succeeded.
    pub(crate) fn is_usable(&self) -> bool {
        !self.failed && !self.unfinished
    }

    /// Marks the connection as busy, so that a dropped future does not return the connection to the pool as clean.
    ///
    /// Fails after a statement that failed or was abandoned: SQLite may then have rolled the transaction back by
    /// itself, and later statements would be written outside the transaction.
    pub(crate) fn begin_statement(&mut self) -> Result<Engine, CallFailure> {
        if !self.is_usable() {
            let why = format!(
                "{}: an earlier statement of the transaction failed or was abandoned, so no further statement is executed",
                self.module
            );
            return Err(CallFailure::internal(why));
        }
        self.unfinished = true;
        self.pooled.set_state(self.while_running);
        Ok(self.pooled.connection().engine())
    }

    /// Records the outcome of a statement. `Err(())`: the deadline passed first.
    pub(crate) fn finish_statement<T>(
        &mut self,
        sql: Option<Sql>,
        result: Result<Result<T, sqlx::Error>, ()>,
    ) -> Result<T, CallFailure> {
        let Ok(result) = result else {
            return Err(failure::deadline_passed(self.module));
        };
        self.unfinished = false;
        if self.while_running == ConnectionState::Unknown && !matches!(&result, Err(error) if is_connection_lost(error))
        {
            self.pooled.set_state(ConnectionState::Clean);
        }
        result.map_err(|error| {
            self.failed = true;
            failure::from_statement_error(self.module, sql, error)
        })
    }
}
