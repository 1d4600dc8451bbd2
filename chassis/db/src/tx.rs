//! A write: a guarded transaction. Dropped without a commit, it is rolled back.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Class};
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use tokio::time::timeout_at;

use crate::connection::{Connection, is_lost};
use crate::idempotency::CallKey;
use crate::opening::{self, Ask};
use crate::pool::State;
use crate::{Db, Engine, InsertRow, Params, Queries, Sql, failure, insert_many, owner, recording};

/// How much longer than the deadline we wait for the answer to a BEGIN. The engine keeps the deadline itself and says
/// what was in the way; this is for one that does not answer at all.
const OPENING_GRACE: Duration = Duration::from_millis(100);
/// How much longer than the deadline we wait for the answer to a COMMIT: not to know is worse than to be late.
const COMMIT_GRACE: Duration = Duration::from_secs(2);

/// A transaction of one module, made by [`Db::begin`]. READ COMMITTED on Postgres, serialized on SQLite.
///
/// It borrows the call's context, so a contract call inside it does not compile:
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
/// The same with the call after the transaction compiles:
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
/// Nor does a call beside a transaction that is open and not used any more:
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
/// Nor does a call with a fork made before it, which borrows the context too:
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
/// After a failed statement it can only
/// be dropped, on both engines: Postgres goes no further, and one behaviour is easier to reason about than two.
pub struct Tx<'cx> {
    queries: Queries,
    cx: &'cx mut CallContext,
    db: Db,
    record: Option<CallKey>,
    /// The native connection was handed out: a statement may have failed without our knowing.
    native: bool,
    /// Whoever waits for commits that announce something is to be woken.
    announces: bool,
}

impl<'cx> Tx<'cx> {
    pub(crate) async fn begin(db: &Db, cx: &'cx mut CallContext) -> Result<Self, CallFailure> {
        let (module, deadline) = (db.module(), cx.deadline());
        require_writable(module, cx)?;
        let record = CallKey::of(cx);
        let ask = Ask {
            module,
            scope: record.as_ref().map(|record| &record.scope),
            now: db.now(),
            deadline,
        };
        let mut lease = db.writers().acquire(deadline).await?;
        lease.set(State::InTransaction);
        let give_up = deadline + OPENING_GRACE;
        let mut result = timeout_at(give_up, opening::open(lease.connection(), &ask)).await;
        if matches!(&result, Ok(Err(error)) if is_lost(error) && lease.is_reused()) {
            // The pool's connection had gone stale; nothing was begun on it.
            lease.replace(deadline).await?;
            result = timeout_at(give_up, opening::open(lease.connection(), &ask)).await;
        }
        let opening = match result {
            Ok(Ok(opening)) => opening,
            Ok(Err(error)) => {
                if is_lost(&error) {
                    lease.set(State::Unknown);
                }
                return Err(failure::of_statement(module, None, error));
            }
            Err(_) => return Err(failure::deadline_passed(module)),
        };
        // A fork of this call may have committed the answer while this one waited.
        require_writable(module, cx)?;
        // What was answered was answered, whoever owns the data by now.
        if let Some(record) = &record {
            record.judge(&opening)?;
        }
        owner::require_open(module, &opening)?;
        let mut tx = Self {
            queries: Queries::new(lease, module, deadline, State::InTransaction),
            cx,
            db: db.clone(),
            record,
            native: false,
            announces: false,
        };
        if let Some(proof) = tx.cx.lease().cloned() {
            owner::require_lease(&mut tx, &proof).await?;
        }
        Ok(tx)
    }

    /// Runs a statement that answers no rows; answers how many it changed.
    pub async fn execute<'q>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<u64, CallFailure> {
        let engine = self.queries.start()?;
        let text = sql.text(engine).into_sql_str();
        let attempt = self.queries.lease.connection().execute(text, &params);
        let result = timeout_at(self.queries.deadline, attempt).await;
        let changed = self.queries.end(Some(sql), result.map_err(|_| ()))?;
        recording::remember(sql, engine, true);
        Ok(changed)
    }

    /// Writes any number of rows in one statement; answers how many it changed.
    ///
    /// The statement says `VALUES $rows` where the rows belong, and may go on after it:
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
        let Some(text) = insert_many::text::<R>(sql, engine) else {
            return Err(CallFailure::internal(format!(
                "the statement at {sql} does not say `VALUES $rows`"
            )));
        };
        let params = insert_many::Rows(rows);
        self.queries.start()?;
        let attempt = self
            .queries
            .lease
            .connection()
            .execute(AssertSqlSafe(text).into_sql_str(), &params);
        let result = timeout_at(self.queries.deadline, attempt).await;
        let changed = self.queries.end(Some(sql), result.map_err(|_| ()))?;
        recording::remember(sql, engine, true);
        Ok(changed)
    }

    /// The native connection, inside this transaction, if the module lives on Postgres. For existing sqlx code and
    /// what only this engine can do. Do not end the transaction with it.
    pub fn postgres(&mut self) -> Option<&mut PgConnection> {
        self.native = true;
        match self.queries.lease.connection() {
            Connection::Postgres(connection) => Some(connection),
            Connection::Sqlite(_) => None,
        }
    }

    /// The native connection, inside this transaction, if the module lives on SQLite.
    pub fn sqlite(&mut self) -> Option<&mut SqliteConnection> {
        self.native = true;
        match self.queries.lease.connection() {
            Connection::Sqlite(link) => Some(link.connection()),
            Connection::Postgres(_) => None,
        }
    }

    /// Wakes those who wait at [`Db::announcements`] once this transaction has been committed.
    pub fn wake_after_commit(&mut self) {
        self.announces = true;
    }

    /// The database that this is a transaction of.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Makes the changes last, together with the answer if the call has an idempotency key, and gives the answer back.
    ///
    /// Fails with "may have executed" only if the connection was lost, or stayed silent, while COMMIT was under way.
    ///
    /// It is the last transaction of the call: a further `begin` is refused.
    pub async fn commit<A: Serialize>(mut self, answer: A) -> Result<A, CallFailure> {
        if let Some(record) = self.record.take() {
            let now = self.db.now();
            record.write(&mut self, &answer, now).await?;
        }
        // Noted before it is sent: a fork of this call that waits for us must not take our answer for its own.
        if !self.cx.note_answer() {
            require_writable(self.queries.module, self.cx)?;
        }
        match self.send_commit().await {
            Ok(()) => Ok(answer),
            Err(failure) => {
                if !failure.may_have_executed() {
                    self.cx.withdraw_answer();
                }
                Err(failure)
            }
        }
    }

    /// Makes the changes last as one of several transactions of the call, of which the last is
    /// [`commit`](Self::commit). Nothing is recorded: repeated under its key, the call runs this part again.
    pub async fn commit_part(mut self) -> Result<(), CallFailure> {
        self.send_commit().await
    }

    async fn send_commit(&mut self) -> Result<(), CallFailure> {
        let module = self.queries.module;
        // In a transaction that has failed unseen, Postgres answers COMMIT with success and rolls back. A statement
        // before it fails there, and takes no round trip of its own.
        let text = match self.queries.start()? {
            Engine::Postgres if self.native => "SELECT 1; COMMIT",
            _ => "COMMIT",
        };
        self.cx.count_effect();
        let sent = self.queries.lease.connection().script(text);
        match timeout_at(self.queries.deadline + COMMIT_GRACE, sent).await {
            Ok(Ok(())) => {
                self.queries.lease.set(State::Clean);
                if self.announces {
                    self.db.announce();
                }
                Ok(())
            }
            Ok(Err(error)) if self.native && failure::is_out_of_transaction(&error) => {
                // A native statement failed and rolled the transaction back; what followed it was written at once.
                Err(failure::out_of_transaction(module, error))
            }
            Ok(Err(error)) if failure::is_refusal(&error) => {
                self.cx.uncount_effect();
                Err(failure::of_statement(module, None, error))
            }
            Ok(Err(error)) => {
                self.queries.lease.set(State::Unknown);
                Err(failure::lost_in_commit(module, error))
            }
            Err(_) => {
                self.queries.lease.set(State::Unknown);
                Err(failure::silent_in_commit(module))
            }
        }
    }
}

/// A safe method writes nothing, and nothing is written after the answer: a repeat would find the answer and skip it.
fn require_writable(module: &str, cx: &CallContext) -> Result<(), CallFailure> {
    let method = cx.method();
    // Outside of a method, as in tests and jobs, nothing is answered.
    let Some(class) = cx.class() else {
        return Ok(());
    };
    if class == Class::Safe {
        return Err(CallFailure::internal(format!(
            "{module}.{method} says that it is safe, and writes"
        )));
    }
    if cx.is_answered() {
        return Err(CallFailure::internal(format!(
            "{module}.{method} writes after it has committed its answer"
        )));
    }
    Ok(())
}

/// Without it the borrow of the context would end with the last use, and a call could be made beside a transaction that
/// is open and only looks forgotten.
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
