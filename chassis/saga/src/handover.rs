//! Hands over a saga whose execution stopped: to the next process that looks for due sagas, or to an operator.

use offshoot_contract::text::to_storable;
use offshoot_contract::{Backoff, CallFailure, FailureKind, Timestamp, error_chain};
use offshoot_db::Tx;

use crate::execution::{Execution, Halt};
use crate::log::{lease, steps};
use crate::saga_module::SagaModule;
use crate::sagas::Sagas;

impl<M: SagaModule> Sagas<M> {
    /// Makes the saga due at once and records the failure. Returns false if the saga was taken over or has ended.
    pub async fn hand_over(&self, tx: &mut Tx<'_>, execution: &Execution<M>, halt: &Halt) -> Result<bool, CallFailure> {
        let now = self.now();
        self.release_lease(tx, &execution.id, execution.attempt, halt, Some(now), execution.tries)
            .await
    }

    /// Postpones a saga after a failed attempt to resume the saga. `tries` counts the failed attempts directly before. The
    /// pause doubles with each failed attempt; after too many the saga is stuck. Returns whether the saga is stuck now.
    pub(crate) async fn postpone(
        &self,
        tx: &mut Tx<'_>,
        id: &str,
        attempt: i64,
        halt: &Halt,
        tries: i64,
    ) -> Result<bool, CallFailure> {
        let stuck = tries + 1 >= i64::from(self.settings.attempts) && !is_unavailable(halt);
        let backoff = Backoff::new(self.settings.first_pause, self.settings.longest_pause);
        let failures = u32::try_from(tries + 1).unwrap_or(u32::MAX);
        let due_at = (!stuck).then(|| self.now().plus(backoff.pause_after(failures)));
        Ok(self.release_lease(tx, id, attempt, halt, due_at, tries + 1).await? && stuck)
    }

    /// Records the failure and gives up the lease. Returns false if the saga was taken over or has ended.
    async fn release_lease(
        &self,
        tx: &mut Tx<'_>,
        id: &str,
        attempt: i64,
        halt: &Halt,
        due_at: Option<Timestamp>,
        tries: i64,
    ) -> Result<bool, CallFailure> {
        let Halt::Retryable { step, failure } = halt else {
            return Ok(false);
        };
        let message = one_line(failure);
        if !lease::hand_over(tx, id, attempt, due_at, tries, &message, self.now()).await? {
            return Ok(false);
        }
        if let Some(step) = step {
            steps::record_step_failure(tx, id, step, &message).await?;
        }
        Ok(true)
    }
}

/// Whether another module was merely unavailable. Then waiting helps, and an operator can do no more than wait.
fn is_unavailable(halt: &Halt) -> bool {
    match halt {
        Halt::TakenOver => true,
        Halt::Retryable { failure, .. } => {
            let kind = failure.kind();
            failure.is_transient() || matches!(kind, FailureKind::Timeout | FailureKind::Dependency { .. })
        }
    }
}

/// The failure and its causes in one line, for a list.
fn one_line(failure: &CallFailure) -> String {
    let chain = error_chain(failure);
    let line = match failure.callee() {
        Some((module, method)) => format!("{module}.{method}: {chain}"),
        None => chain,
    };
    to_storable(&line.replace(['\n', '\r'], " "))
}
