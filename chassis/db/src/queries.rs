//! Statements that answer rows, the same in a read and in a transaction.

use offshoot_contract::CallFailure;
use sqlx::SqlSafeStr;
use tokio::time::{Instant, timeout_at};

use crate::connection::{Keep, is_lost};
use crate::pool::{Lease, State};
use crate::{Engine, Params, Row, Sql, failure, recording};

/// Statements that answer rows. [`Read`](crate::Read) and [`Tx`](crate::Tx) dereference to it, so that a function
/// that only looks things up takes `&mut Queries` and serves both.
pub struct Queries {
    pub(crate) lease: Lease,
    pub(crate) module: &'static str,
    pub(crate) deadline: Instant,
    /// What the lease's connection is while a statement runs, and if it does not come to its end.
    while_running: State,
    /// A statement has failed. On Postgres nothing more can be done in the transaction, so nowhere can it.
    failed: bool,
    /// A statement was begun and nobody waited for its end, so nobody knows whether it failed.
    unfinished: bool,
}

impl Queries {
    pub(crate) fn new(mut lease: Lease, module: &'static str, deadline: Instant, while_running: State) -> Self {
        lease.connection().set_deadline(deadline);
        Self {
            lease,
            module,
            deadline,
            while_running,
            failed: false,
            unfinished: false,
        }
    }

    /// The engine that the statements run on.
    pub fn engine(&mut self) -> Engine {
        self.lease.connection().engine()
    }

    /// All rows of the answer.
    pub async fn fetch_all<'q, T: Row>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<Vec<T>, CallFailure> {
        self.fetch(sql, &params, Keep::All).await
    }

    /// The first row of the answer, if there is one.
    pub async fn fetch_optional<'q, T: Row>(
        &mut self,
        sql: Sql,
        params: impl Params<'q>,
    ) -> Result<Option<T>, CallFailure> {
        Ok(self.fetch(sql, &params, Keep::First).await?.pop())
    }

    /// The first row of the answer. That there is none is a defect of the module: `Internal`.
    pub async fn fetch_one<'q, T: Row>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<T, CallFailure> {
        let row = self.fetch(sql, &params, Keep::First).await?.pop();
        row.ok_or_else(|| failure::of_statement(self.module, Some(sql), sqlx::Error::RowNotFound))
    }

    pub(crate) async fn ping(&mut self) -> Result<(), CallFailure> {
        self.start()?;
        let result = timeout_at(self.deadline, self.lease.connection().ping()).await;
        self.end(None, result.map_err(|_| ()))
    }

    async fn fetch<'q, T: Row>(
        &mut self,
        sql: Sql,
        params: &impl Params<'q>,
        keep: Keep,
    ) -> Result<Vec<T>, CallFailure> {
        let engine = self.start()?;
        let text = sql.text(engine);
        let attempt = self.lease.connection().fetch(text.into_sql_str(), params, keep);
        let mut result = timeout_at(self.deadline, attempt).await;
        if matches!(&result, Ok(Err(error)) if is_lost(error) && self.may_reconnect()) {
            self.lease.replace(self.deadline).await?;
            self.lease.connection().set_deadline(self.deadline);
            let attempt = self.lease.connection().fetch(text.into_sql_str(), params, keep);
            result = timeout_at(self.deadline, attempt).await;
        }
        let rows = self.end(Some(sql), result.map_err(|_| ()))?;
        recording::remember(sql, engine, !rows.is_empty());
        Ok(rows)
    }

    /// A read has no effect, so it may be sent again when the pool's connection had gone stale.
    fn may_reconnect(&self) -> bool {
        self.while_running == State::Unknown && self.lease.is_reused()
    }

    /// Whether every statement has succeeded.
    pub(crate) fn is_sound(&self) -> bool {
        !self.failed && !self.unfinished
    }

    /// Marks the connection, so that it is not given back as it is if this future is dropped.
    ///
    /// Refuses after a statement that failed or was abandoned: SQLite may have rolled the transaction back by itself
    /// then, and what followed would be written outside of it.
    pub(crate) fn start(&mut self) -> Result<Engine, CallFailure> {
        if !self.is_sound() {
            let why = format!(
                "{}: nothing can follow a statement that failed or was abandoned",
                self.module
            );
            return Err(CallFailure::internal(why));
        }
        self.unfinished = true;
        self.lease.set(self.while_running);
        Ok(self.lease.connection().engine())
    }

    /// Judges how a statement ended. `Err(())`: the deadline passed first.
    pub(crate) fn end<T>(
        &mut self,
        sql: Option<Sql>,
        result: Result<Result<T, sqlx::Error>, ()>,
    ) -> Result<T, CallFailure> {
        let Ok(result) = result else {
            return Err(failure::deadline_passed(self.module));
        };
        self.unfinished = false;
        if self.while_running == State::Unknown && !matches!(&result, Err(error) if is_lost(error)) {
            self.lease.set(State::Clean);
        }
        result.map_err(|error| {
            self.failed = true;
            failure::of_statement(self.module, sql, error)
        })
    }
}
