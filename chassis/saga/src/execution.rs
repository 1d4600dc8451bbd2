//! One execution of one saga: where it stands, under which attempt, with what at hand. Knows no SQL.

use offshoot_contract::{CallFailure, Timestamp};

use crate::owner::Owner;
use crate::plan::Plan;

/// A saga that this execution has the lease of.
pub struct Execution<O: Owner> {
    /// What it is about.
    pub work: O::Work,
    pub(crate) id: String,
    pub(crate) subject: String,
    /// Proves the lease: who takes the saga over raises it.
    pub(crate) attempt: i64,
    pub(crate) tries: i64,
    pub(crate) stage: usize,
    pub(crate) undoing: bool,
    /// An operator wants it undone.
    pub(crate) undo_asked: bool,
    pub(crate) give_up_at: Option<Timestamp>,
    /// What stands in the log as intended, in its sequence.
    pub(crate) open: Vec<String>,
    /// Rows in the log.
    pub(crate) written: i64,
    /// This execution has written down what is open, so nobody has tried it before.
    pub(crate) fresh: bool,
    pub(crate) plan: Plan<O>,
}

impl<O: Owner> Execution<O> {
    /// Which saga.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The steps that stand in the log as intended.
    #[must_use]
    pub fn open(&self) -> &[String] {
        &self.open
    }

    /// It is being undone.
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
}

/// Why an execution does not go on.
#[derive(Debug)]
pub enum Halt {
    /// Another execution has taken the saga over: leave it alone.
    TakenOver,
    /// Nobody knows, or not now. The saga has to be handed over, and somebody will try again.
    Trouble {
        /// The step, if it was one.
        step: Option<String>,
        /// What went wrong.
        failure: CallFailure,
    },
}

impl From<CallFailure> for Halt {
    fn from(failure: CallFailure) -> Self {
        Halt::Trouble { step: None, failure }
    }
}
