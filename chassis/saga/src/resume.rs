//! Sagas whose execution was broken off, or had to wait, are taken up again: by any process, all the time.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::{Db, List};

use crate::execution::{Execution, Halt};
use crate::log;
use crate::owner::Owner;
use crate::sagas::Sagas;

/// Sagas taken up in one round.
const PER_ROUND: u32 = 50;
/// Sagas that one process carries on at the same time: one that hangs keeps only its own place.
const AT_ONCE: usize = 4;
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An attempt that did not bring a saga to its end.
struct Vain {
    halt: Halt,
    /// Under which the saga can be put off.
    attempt: i64,
    /// Those before it, since something came of one.
    tries: i64,
}

impl<O: Owner> Sagas<O> {
    /// Takes up what nobody works on and whose time has come. Answers how many it brought to their end. Fails only if it
    /// cannot look: what is wrong with one saga is logged, and does not keep it from the others. Safe in any number of
    /// processes at once.
    pub async fn resume_due(&self, owner: &O) -> Result<u64, CallFailure> {
        let known = self.definitions.iter();
        let known: List<_> = known.map(|known| format!("{}/{}", known.kind, known.version)).collect();
        let mut cx = context(&self.db);
        let (due, unknown) = {
            let mut read = self.db.read(&mut cx).await?;
            let due = log::due(&mut read, self.now(), known.clone(), PER_ROUND).await?;
            (due, log::unknown(&mut read, self.now(), known).await?)
        };
        self.report(&unknown);
        let attempts = stream::iter(due).map(|due| Box::pin(self.take_up(owner, due)));
        let ended = attempts.buffer_unordered(AT_ONCE);
        Ok(ended.filter(|ended| std::future::ready(*ended)).count().await as u64)
    }

    /// Whether it was brought to its end.
    async fn take_up(&self, owner: &O, due: (String, i64, i64)) -> bool {
        let (id, attempt, tries) = due;
        let vain = match self.try_once(owner, &id, attempt, tries).await {
            Ok(ended) => return ended,
            Err(vain) => vain,
        };
        let Halt::Trouble { step, failure } = &vain.halt else {
            return false;
        };
        let put_off = self.put_off_now(&id, &vain).await;
        let (attempt, error) = (vain.attempt, failure as &dyn std::error::Error);
        let step = step.as_deref().unwrap_or("none");
        match put_off {
            Ok(true) => tracing::error!(
                code = "saga-stuck",
                saga = id,
                step,
                attempt,
                error,
                "left to an operator"
            ),
            Ok(false) => tracing::warn!(saga = id, step, attempt, error, "not finished yet; will be tried again"),
            Err(also) => {
                let also = &also as &dyn std::error::Error;
                tracing::warn!(
                    saga = id,
                    step,
                    attempt,
                    error,
                    also,
                    "not finished yet; its lease has to run out"
                );
            }
        }
        false
    }

    /// Whether it was brought to its end, if nothing was in the way.
    async fn try_once(&self, owner: &O, id: &str, attempt: i64, tries: i64) -> Result<bool, Vain> {
        let mut cx = context(&self.db);
        let mut run = match self.take_now(owner, &mut cx, id, attempt).await {
            Ok(Some(run)) => run,
            Ok(None) => return Ok(false),
            Err(failure) => {
                return Err(Vain {
                    halt: failure.into(),
                    attempt,
                    tries,
                });
            }
        };
        self.run(owner, &mut cx, &mut run).await.map_err(|halt| Vain {
            halt,
            attempt: run.attempt,
            tries: run.tries,
        })?;
        let how = if run.undoing { "undone" } else { "done" };
        tracing::info!(saga = id, attempt = run.attempt, how, "brought to its end");
        Ok(true)
    }

    async fn take_now(
        &self,
        owner: &O,
        cx: &mut CallContext,
        id: &str,
        attempt: i64,
    ) -> Result<Option<Execution<O>>, CallFailure> {
        let mut tx = self.db.begin(cx).await?;
        let run = self.take(owner, &mut tx, id, attempt).await?;
        if run.is_some() {
            tx.commit_part().await?;
        }
        Ok(run)
    }

    async fn put_off_now(&self, id: &str, vain: &Vain) -> Result<bool, CallFailure> {
        let mut cx = context(&self.db);
        let mut tx = self.db.begin(&mut cx).await?;
        let stuck = self.put_off(&mut tx, id, vain.attempt, &vain.halt, vain.tries).await?;
        tx.commit_part().await?;
        Ok(stuck)
    }

    /// Says once of each definition that this process does not know it.
    fn report(&self, unknown: &[(String, i64, String)]) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        for (definition, sagas, one) in unknown {
            if reported.insert(definition.clone()) {
                tracing::error!(
                    code = "saga-unknown-version",
                    definition,
                    sagas,
                    one,
                    "left alone: this process does not know the definition"
                );
            }
        }
    }
}

fn context(db: &Db) -> CallContext {
    CallContext::root(db.module()).with_timeout(TIMEOUT)
}
