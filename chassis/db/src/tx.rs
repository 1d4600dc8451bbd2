//! Write transaction: checks owner, lease and idempotency key at the start, and is rolled back if dropped uncommitted.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure, Class};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use tokio::time::timeout_at;

use crate::begin::{self, BeginRequest};
use crate::connection::Connection;
use crate::db::Db;
use crate::error_code::{self, is_connection_lost};
use crate::idempotency::{self, CallKey};
use crate::insert_many::{self, InsertRow};
use crate::params::Params;
use crate::pool::ConnectionState;
use crate::queries::Queries;
use crate::statement::{Engine, Sql};
use crate::{failure, ownership};

/// Extra time after the deadline for a reply to BEGIN. The engine itself enforces the deadline and reports the reason;
/// this limit covers an engine that does not reply at all.
const BEGIN_GRACE: Duration = Duration::from_millis(100);
/// Extra time after the deadline for a reply to COMMIT: an unknown outcome is worse than a late outcome.
const COMMIT_GRACE: Duration = Duration::from_secs(2);

/// A transaction of one module, started by [`Db::begin`]. READ COMMITTED on Postgres, serialized on SQLite.
///
/// The transaction borrows the call's context, so a contract call inside the transaction does not compile:
///
/// ```compile_fail,E0499
/// # use offshoot_contract::{CallContext, CallFailure};
/// # use offshoot_db::Db;
/// # async fn another_module(cx: &mut CallContext) {}
/// # async fn method(db: &Db, cx: &mut CallContext) -> Result<(), CallFailure> {
/// let tx = db.begin(cx).await?;
/// another_module(cx).await;
/// tx.commit(()).await
/// # }
/// ```
///
/// A call after the transaction compiles:
///
/// ```
/// # use offshoot_contract::{CallContext, CallFailure};
/// # use offshoot_db::Db;
/// # async fn another_module(cx: &mut CallContext) {}
/// # async fn method(db: &Db, cx: &mut CallContext) -> Result<(), CallFailure> {
/// let tx = db.begin(cx).await?;
/// tx.commit(()).await?;
/// another_module(cx).await;
/// # Ok(())
/// # }
/// ```
///
/// A call beside an open transaction that is no longer used does not compile:
///
/// ```compile_fail,E0499
/// # use offshoot_contract::{CallContext, CallFailure};
/// # use offshoot_db::Db;
/// # async fn another_module(cx: &mut CallContext) {}
/// # async fn method(db: &Db, cx: &mut CallContext, done: bool) -> Result<(), CallFailure> {
/// let tx = db.begin(cx).await?;
/// if done {
///     tx.commit_part().await?;
/// }
/// another_module(cx).await;
/// # Ok(())
/// # }
/// ```
///
/// A call with an earlier fork does not compile, because the fork borrows the context too:
///
/// ```compile_fail,E0502
/// # use offshoot_contract::{CallContext, CallFailure};
/// # use offshoot_db::Db;
/// # async fn another_module(cx: &mut CallContext) {}
/// # async fn method(db: &Db, cx: &mut CallContext) -> Result<(), CallFailure> {
/// let mut fork = cx.fork();
/// let tx = db.begin(cx).await?;
/// another_module(&mut fork).await;
/// tx.commit(()).await
/// # }
/// ```
///
/// After a failed statement the transaction can only be dropped. Postgres accepts no further statement, and SQLite
/// follows the same rule so that both engines behave alike.
pub struct Tx<'cx> {
    queries: Queries,
    cx: &'cx mut CallContext,
    db: Db,
    call_key: Option<CallKey>,
    /// The native connection was handed out, so a statement may have failed unseen.
    used_native: bool,
    /// Receivers of [`Db::commit_notifications`] are notified after the commit.
    notifies: bool,
}

impl Db {
    /// Begins a transaction. The same round trip checks that this database owns the module's data. If the call's
    /// idempotency key has been used, fails with the recorded response.
    ///
    /// Waits for a connection until the call's deadline. Every failure is "not executed". At most one transaction per
    /// call records a response, with [`Tx::commit`].
    pub fn begin<'a, 'cx: 'a>(&'a self, cx: &'cx mut CallContext) -> BoxFuture<'a, Result<Tx<'cx>, CallFailure>> {
        // Boxed, so that the code is compiled in this crate and not in each module.
        Box::pin(Tx::begin(self, cx))
    }
}

impl<'cx> Tx<'cx> {
    async fn begin(db: &Db, cx: &'cx mut CallContext) -> Result<Self, CallFailure> {
        let (module, deadline) = (db.module(), cx.deadline());
        require_writable(module, cx)?;
        let call_key = CallKey::from_context(cx);
        let request = BeginRequest {
            module,
            scope: call_key.as_ref().map(CallKey::scope),
            now: db.now(),
            deadline,
        };
        let mut pooled = db.acquire_writer(deadline).await?;
        pooled.set_state(ConnectionState::InTransaction);
        let give_up_at = deadline + BEGIN_GRACE;
        let mut result = timeout_at(give_up_at, begin::begin_transaction(pooled.connection(), &request)).await;
        if matches!(&result, Ok(Err(error)) if is_connection_lost(error) && pooled.is_reused()) {
            // The pooled connection had gone stale, so no transaction was begun on it.
            pooled.reconnect(deadline).await?;
            result = timeout_at(give_up_at, begin::begin_transaction(pooled.connection(), &request)).await;
        }
        let reply = match result {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                if is_connection_lost(&error) {
                    pooled.set_state(ConnectionState::Unknown);
                }
                return Err(failure::from_statement_error(module, None, error));
            }
            Err(_) => return Err(failure::deadline_passed(module)),
        };
        // Another fork of this call may have committed its response while this fork waited.
        require_writable(module, cx)?;
        // A recorded response is returned even if this database no longer owns the data.
        if let Some(call_key) = &call_key {
            call_key.require_unused(&reply)?;
        }
        ownership::require_open(module, &reply)?;
        let mut tx = Self {
            queries: Queries::new(pooled, module, deadline, ConnectionState::InTransaction),
            cx,
            db: db.clone(),
            call_key,
            used_native: false,
            notifies: false,
        };
        if let Some(proof) = tx.cx.lease().cloned() {
            ownership::require_lease(&mut tx.queries, &proof).await?;
        }
        Ok(tx)
    }

    /// Executes a statement that returns no rows. Returns the number of changed rows.
    pub async fn execute<'q>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<u64, CallFailure> {
        self.queries.execute(sql, &params).await
    }

    /// Inserts any number of rows in one statement. Returns the number of changed rows.
    ///
    /// The statement contains `VALUES $rows` in place of the rows, and may continue after that:
    ///
    /// ```no_run
    /// # use offshoot_contract::CallFailure;
    /// # use offshoot_db::{Tx, sql};
    /// # async fn import(tx: &mut Tx<'_>, rows: Vec<(uuid::Uuid, String, i64)>) -> Result<u64, CallFailure> {
    /// let insert = sql!("INSERT INTO stations (id, code, height) VALUES $rows ON CONFLICT (code) DO NOTHING");
    /// tx.insert_many(insert, rows).await
    /// # }
    /// ```
    pub async fn insert_many<R: InsertRow>(
        &mut self,
        sql: Sql,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<u64, CallFailure> {
        let rows: Vec<R> = rows.into_iter().collect();
        if rows.is_empty() {
            return Ok(0);
        }
        let engine = self.queries.engine();
        let Some(text) = insert_many::expand_rows::<R>(sql, engine) else {
            return Err(CallFailure::internal(format!(
                "the statement at {sql} does not contain `VALUES $rows`"
            )));
        };
        let params = insert_many::Rows(rows);
        self.queries
            .execute_text(sql, AssertSqlSafe(text).into_sql_str(), &params)
            .await
    }

    /// The native connection inside this transaction, if the module's data is on Postgres. For existing sqlx code and
    /// for features of this engine alone. The caller must not end the transaction.
    pub fn postgres(&mut self) -> Option<&mut PgConnection> {
        self.used_native = true;
        match self.queries.pooled.connection() {
            Connection::Postgres(connection) => Some(connection),
            Connection::Sqlite(_) => None,
        }
    }

    /// The native connection inside this transaction, if the module's data is on SQLite.
    pub fn sqlite(&mut self) -> Option<&mut SqliteConnection> {
        self.used_native = true;
        match self.queries.pooled.connection() {
            Connection::Sqlite(sqlite) => Some(sqlite.connection()),
            Connection::Postgres(_) => None,
        }
    }

    /// Notifies the receivers of [`Db::commit_notifications`] once this transaction has been committed.
    pub fn wake_after_commit(&mut self) {
        self.notifies = true;
    }

    /// The database of this transaction.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Commits, and returns `response`, the response of the call. If the call has an idempotency key, the response is
    /// recorded in the same transaction.
    ///
    /// Fails with "may have executed" only if the connection was lost, or the reply timed out, during COMMIT.
    ///
    /// This is the last transaction of the call: a further `begin` fails.
    pub async fn commit<R: Serialize>(self, response: R) -> Result<R, CallFailure> {
        let recorded = match self.call_key {
            Some(_) => Some(idempotency::encode(&response)?),
            None => None,
        };
        self.commit_recorded(recorded).await?;
        Ok(response)
    }

    /// Commits one of several transactions of the call; the last transaction ends with [`commit`](Self::commit). No response
    /// is recorded: a repeated call executes this transaction again.
    pub fn commit_part(mut self) -> BoxFuture<'cx, Result<(), CallFailure>> {
        Box::pin(async move { self.send_commit().await })
    }

    /// Commits the last transaction of the call, with the response as JSON.
    fn commit_recorded(mut self, response: Option<String>) -> BoxFuture<'cx, Result<(), CallFailure>> {
        Box::pin(async move {
            if let (Some(call_key), Some(response)) = (self.call_key.take(), response) {
                let now = self.db.now();
                call_key.record(&mut self.queries, response, now).await?;
            }
            // Marked before COMMIT is sent, so that a waiting fork of this call does not return this response as its own
            // response.
            if !self.cx.mark_answered() {
                require_writable(self.queries.module, self.cx)?;
            }
            self.send_commit().await.inspect_err(|failure| {
                if !failure.may_have_executed() {
                    self.cx.unmark_answered();
                }
            })
        })
    }

    async fn send_commit(&mut self) -> Result<(), CallFailure> {
        let module = self.queries.module;
        // After an unseen failure Postgres reports COMMIT as successful and rolls back. A statement before the COMMIT
        // fails in that case, and costs no extra round trip.
        let text = match self.queries.begin_statement()? {
            Engine::Postgres if self.used_native => "SELECT 1; COMMIT",
            _ => "COMMIT",
        };
        self.cx.count_effect();
        let sent = self.queries.pooled.connection().execute_script(text);
        match timeout_at(self.queries.deadline + COMMIT_GRACE, sent).await {
            Ok(Ok(())) => {
                self.queries.pooled.set_state(ConnectionState::Clean);
                if self.notifies {
                    self.db.notify_commit();
                }
                Ok(())
            }
            Ok(Err(error)) if self.used_native && error_code::has_no_active_transaction(&error) => {
                // A native statement failed and rolled the transaction back; later statements were committed at once.
                Err(failure::wrote_outside_transaction(module, error))
            }
            Ok(Err(error)) if error_code::is_certainly_not_committed(&error) => {
                self.cx.uncount_effect();
                Err(failure::from_statement_error(module, None, error))
            }
            Ok(Err(error)) => {
                self.queries.pooled.set_state(ConnectionState::Unknown);
                Err(failure::connection_lost_in_commit(module, error))
            }
            Err(_) => {
                self.queries.pooled.set_state(ConnectionState::Unknown);
                Err(failure::no_reply_to_commit(module))
            }
        }
    }
}

/// Fails in a safe method, and after the call has committed its response: a repeated call would return the response and
/// skip the later write.
fn require_writable(module: &str, cx: &CallContext) -> Result<(), CallFailure> {
    let method = cx.method();
    // Outside a method, as in tests and jobs, there is no response.
    let Some(class) = cx.class() else {
        return Ok(());
    };
    if class == Class::Safe {
        return Err(CallFailure::internal(format!(
            "{module}.{method} is declared safe and must not write"
        )));
    }
    if cx.is_answered() {
        return Err(CallFailure::internal(format!(
            "{module}.{method} must not write after it has committed its response"
        )));
    }
    Ok(())
}

/// Extends the borrow of the context to the end of the scope. Without `Drop` the borrow would end with the last use,
/// and a call could be made beside an open transaction.
impl Drop for Tx<'_> {
    fn drop(&mut self) {}
}

impl Deref for Tx<'_> {
    type Target = Queries;

    fn deref(&self) -> &Queries {
        &self.queries
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Queries {
        &mut self.queries
    }
}
