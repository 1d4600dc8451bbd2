//! Resumes interrupted and failed sagas. Every process of the module does so periodically.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::{Db, List};

use crate::execution::{Execution, Halt};
use crate::log::lease;
use crate::saga_module::SagaModule;
use crate::sagas::Sagas;

/// Maximum number of sagas resumed in one round.
const PER_ROUND: u32 = 50;
/// Maximum number of sagas that one process resumes at the same time: a hanging saga delays no other saga.
const CONCURRENCY: usize = 4;
/// Timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An attempt that did not end its saga.
struct FailedAttempt {
    halt: Halt,
    /// Fencing token with which the saga can be postponed.
    attempt: i64,
    /// Consecutive failed attempts before this attempt.
    tries: i64,
}

impl<M: SagaModule> Sagas<M> {
    /// Resumes sagas that are due. Returns the number of sagas that ended. Fails only if the search for due sagas
    /// fails: the failure of one saga is logged and does not affect the others. Safe in any number of processes at
    /// once.
    pub async fn resume_due(&self, module: &M) -> Result<u64, CallFailure> {
        let known = self.definitions.iter();
        let known: List<_> = known.map(|known| format!("{}/{}", known.kind, known.version)).collect();
        let mut cx = context(&self.db);
        let (due, unknown) = {
            let mut read = self.db.read(&mut cx).await?;
            let due = lease::find_due_sagas(&mut read, self.now(), known.clone(), PER_ROUND).await?;
            let unknown = lease::count_unknown_definitions(&mut read, self.now(), known).await?;
            (due, unknown)
        };
        self.log_unknown_definitions(&unknown);
        let attempts = stream::iter(due).map(|due| Box::pin(self.resume(module, due)));
        let ended = attempts.buffer_unordered(CONCURRENCY);
        Ok(ended.filter(|ended| std::future::ready(*ended)).count().await as u64)
    }

    /// Resumes one saga, and postpones the saga if the attempt fails. Returns whether the saga ended.
    async fn resume(&self, module: &M, due: (String, i64, i64)) -> bool {
        let (id, attempt, tries) = due;
        let failed = match self.attempt(module, &id, attempt, tries).await {
            Ok(ended) => return ended,
            Err(failed) => failed,
        };
        let Halt::Retryable { step, failure } = &failed.halt else {
            return false;
        };
        let postponed = self.commit_postponement(&id, &failed).await;
        let (attempt, error) = (failed.attempt, failure as &dyn std::error::Error);
        let step = step.as_deref().unwrap_or("none");
        match postponed {
            Ok(true) => tracing::error!(
                code = "saga-stuck",
                saga = id,
                step,
                attempt,
                error,
                "saga stuck: fix the cause, then run `offshoot sagas retry` or `offshoot sagas undo`"
            ),
            Ok(false) => tracing::warn!(
                saga = id,
                step,
                attempt,
                error,
                "saga attempt failed; retrying with backoff"
            ),
            Err(postpone_failure) => {
                let postpone_error = &postpone_failure as &dyn std::error::Error;
                tracing::warn!(
                    saga = id,
                    step,
                    attempt,
                    error,
                    postpone_error,
                    "saga attempt failed and could not be postponed; retrying once the lease has expired"
                );
            }
        }
        false
    }

    /// Makes one attempt. Returns whether the saga ended; false if another execution was faster.
    async fn attempt(&self, module: &M, id: &str, attempt: i64, tries: i64) -> Result<bool, FailedAttempt> {
        let mut cx = context(&self.db);
        let mut execution = match self.commit_takeover(module, &mut cx, id, attempt).await {
            Ok(Some(execution)) => execution,
            Ok(None) => return Ok(false),
            Err(failure) => {
                return Err(FailedAttempt {
                    halt: failure.into(),
                    attempt,
                    tries,
                });
            }
        };
        self.run_to_end(module, &mut cx, &mut execution)
            .await
            .map_err(|halt| FailedAttempt {
                halt,
                attempt: execution.attempt,
                tries: execution.tries,
            })?;
        let status = if execution.undoing { "undone" } else { "done" };
        tracing::info!(saga = id, attempt = execution.attempt, status, "saga resumed and ended");
        Ok(true)
    }

    /// Takes over the saga in one transaction. Returns None if another execution was faster.
    async fn commit_takeover(
        &self,
        module: &M,
        cx: &mut CallContext,
        id: &str,
        attempt: i64,
    ) -> Result<Option<Execution<M>>, CallFailure> {
        let mut tx = self.db.begin(cx).await?;
        let execution = self.take_over_attempt(module, &mut tx, id, attempt).await?;
        if execution.is_some() {
            tx.commit_part().await?;
        }
        Ok(execution)
    }

    /// Postpones the saga in one transaction. Returns whether the saga is stuck.
    async fn commit_postponement(&self, id: &str, failed: &FailedAttempt) -> Result<bool, CallFailure> {
        let mut cx = context(&self.db);
        let mut tx = self.db.begin(&mut cx).await?;
        let stuck = self
            .postpone(&mut tx, id, failed.attempt, &failed.halt, failed.tries)
            .await?;
        tx.commit_part().await?;
        Ok(stuck)
    }

    /// Logs each definition that this process does not know, once.
    fn log_unknown_definitions(&self, unknown: &[(String, i64, String)]) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        for (definition, count, example) in unknown {
            if reported.insert(definition.clone()) {
                tracing::error!(
                    code = "saga-unknown-version",
                    definition,
                    count,
                    example,
                    "sagas not resumed: this binary does not know their definition; run a binary that has this version"
                );
            }
        }
    }
}

fn context(db: &Db) -> CallContext {
    CallContext::root(db.module()).with_timeout(TIMEOUT)
}
