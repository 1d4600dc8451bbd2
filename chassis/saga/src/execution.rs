//! One execution of one saga: position, attempt and in-memory state. Knows no SQL.

use offshoot_contract::{CallFailure, Timestamp};

use crate::plan::Plan;
use crate::saga_module::SagaModule;

/// A saga whose lease this execution holds.
pub struct Execution<M: SagaModule> {
    /// The saga's state.
    pub state: M::State,
    pub(crate) id: String,
    pub(crate) subject: String,
    /// Fencing token of the lease: each takeover raises the number.
    pub(crate) attempt: i64,
    /// Consecutive failed attempts.
    pub(crate) tries: i64,
    /// Number of completed stages, and so the index of the current stage.
    pub(crate) stage: usize,
    pub(crate) undoing: bool,
    /// An operator has requested the undo.
    pub(crate) undo_asked: bool,
    /// Time after which the saga is undone, unless the saga has passed its pivot.
    pub(crate) give_up_at: Option<Timestamp>,
    /// Names of the steps that the log holds as intended, in sequence.
    pub(crate) open_steps: Vec<String>,
    /// Number of step rows in the log.
    pub(crate) logged_steps: i64,
    /// This execution has logged the intents of the open steps, so no earlier execution has performed them.
    pub(crate) fresh: bool,
    pub(crate) plan: Plan<M>,
}

impl<M: SagaModule> Execution<M> {
    /// The saga's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Names of the steps that the log holds as intended.
    #[must_use]
    pub fn open_steps(&self) -> &[String] {
        &self.open_steps
    }

    /// Whether the saga is being undone.
    #[must_use]
    pub fn is_undoing(&self) -> bool {
        self.undoing
    }

    pub(crate) fn is_pivoted(&self) -> bool {
        self.stage >= self.plan.pivot
    }

    pub(crate) fn is_last_stage(&self) -> bool {
        self.stage + 1 >= self.plan.stages.len()
    }

    /// Sets the open steps that this execution has just logged.
    pub(crate) fn set_open_steps(&mut self, open_steps: Vec<String>) {
        self.logged_steps += i64::try_from(open_steps.len()).unwrap_or(i64::MAX);
        self.open_steps = open_steps;
        self.tries = 0;
        self.fresh = true;
    }
}

/// Why an execution stopped before the end of its saga.
#[derive(Debug)]
pub enum Halt {
    /// Another execution has taken the saga over. This execution must not touch the saga any more.
    TakenOver,
    /// A step or a commit failed. The saga has to be handed over, and will be retried.
    Retryable {
        /// The failed step, if a step failed.
        step: Option<String>,
        /// Cause of the failure.
        failure: CallFailure,
    },
}

impl From<CallFailure> for Halt {
    fn from(failure: CallFailure) -> Self {
        Halt::Retryable { step: None, failure }
    }
}
