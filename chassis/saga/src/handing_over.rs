//! Gives a saga that does not go on to whoever looks for it next, or to an operator.

use offshoot_contract::{CallFailure, FailureKind, Timestamp, with_causes};
use offshoot_db::Tx;

use crate::execution::{Execution, Halt};
use crate::log;
use crate::owner::Owner;
use crate::sagas::Sagas;

impl<O: Owner> Sagas<O> {
    /// Leaves the saga to whoever looks for it next, at once, and notes why. False if it was taken over, or is over.
    pub async fn hand_over(&self, tx: &mut Tx<'_>, run: &Execution<O>, halt: &Halt) -> Result<bool, CallFailure> {
        let now = self.now();
        self.leave(tx, &run.id, run.attempt, halt, Some(now), run.tries).await
    }

    /// The same after a vain attempt to take it up, when `tries` were in vain before: it is left alone for a while, longer
    /// each time, and after many attempts for good. Answers whether it is stuck now.
    pub(crate) async fn put_off(
        &self,
        tx: &mut Tx<'_>,
        id: &str,
        attempt: i64,
        halt: &Halt,
        tries: i64,
    ) -> Result<bool, CallFailure> {
        let stuck = tries + 1 >= i64::from(self.settings.attempts) && !is_nobody_there(halt);
        let doublings = u32::try_from(tries).unwrap_or(u32::MAX).min(16);
        let pause = self.settings.first_pause.saturating_mul(1 << doublings);
        let due_at = (!stuck).then(|| self.now().plus(pause.min(self.settings.longest_pause)));
        Ok(self.leave(tx, id, attempt, halt, due_at, tries + 1).await? && stuck)
    }

    async fn leave(
        &self,
        tx: &mut Tx<'_>,
        id: &str,
        attempt: i64,
        halt: &Halt,
        due_at: Option<Timestamp>,
        tries: i64,
    ) -> Result<bool, CallFailure> {
        let Halt::Trouble { step, failure } = halt else {
            return Ok(false);
        };
        let why = one_line(failure);
        if !log::hand_over(tx, id, attempt, due_at, tries, &why, self.now()).await? {
            return Ok(false);
        }
        if let Some(step) = step {
            log::note_failure(tx, id, step, &why).await?;
        }
        Ok(true)
    }
}

/// Waiting helps, and nobody can do more.
fn is_nobody_there(halt: &Halt) -> bool {
    match halt {
        Halt::TakenOver => true,
        Halt::Trouble { failure, .. } => {
            let kind = failure.kind();
            failure.is_passing() || matches!(kind, FailureKind::Timeout | FailureKind::Dependency { .. })
        }
    }
}

/// The chain of causes, for a list.
fn one_line(failure: &CallFailure) -> String {
    let why = with_causes(failure);
    let line = match failure.callee() {
        Some((module, method)) => format!("{module}.{method}: {why}"),
        None => why,
    };
    line.replace(['\n', '\r'], " ")
}
