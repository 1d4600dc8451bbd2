//! Interface of a module that drives sagas: the state of a saga, how to load the state, and how a step can fail.
//!
//! Knows no log and no plan.

use std::fmt;

use async_trait::async_trait;
use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::Tx;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A module that drives sagas.
#[async_trait]
pub trait SagaModule: Send + Sync + Sized + 'static {
    /// In-memory state of one execution. An execution changes a copy while it prepares a commit, and keeps the copy
    /// once the commit has succeeded.
    type State: Clone + Send + Sync;
    /// The part of the state that the log holds as JSON, for resuming the saga. The log is kept for ever, so this part must
    /// hold no secrets.
    type StoredState: Serialize + DeserializeOwned + Send;
    /// Why a saga is undone.
    type Reason: fmt::Debug + Send + Sync;
    /// Answer of a call that executes a saga to its end.
    type Answer: Serialize + Send + Sync;

    /// The part of `state` that goes into the log.
    fn to_stored(state: &Self::State) -> Self::StoredState;

    /// Builds the state for resuming a saga, from the log and the module's own rows.
    async fn load(&self, tx: &mut Tx<'_>, subject: &str, stored: Self::StoredState)
    -> Result<Self::State, CallFailure>;

    /// Answer of the call whose last transaction completes the saga.
    fn answer(state: &Self::State) -> Self::Answer;

    /// Reason for undoing a saga after its deadline, or at an operator's request.
    fn interrupted() -> Self::Reason;
}

/// Why a step failed.
#[derive(Debug)]
pub enum StepError<R> {
    /// The step is impossible, and this call had no effect. The saga is undone; past the pivot the step is retried instead,
    /// unless the stage permits the undo.
    Refused(R),
    /// The outcome is unknown, or the other module is unavailable. The step has to be retried.
    Retryable(CallFailure),
}

impl<R> From<CallFailure> for StepError<R> {
    fn from(failure: CallFailure) -> Self {
        StepError::Retryable(failure)
    }
}

/// Arguments of a step.
pub struct StepContext<'a, M: SagaModule> {
    /// The saga's state.
    pub state: &'a M::State,
    pub(crate) subject: &'a str,
    pub(crate) step: &'a str,
}

impl<M: SagaModule> StepContext<'_, M> {
    /// Reference under which the other module records the effect of this step. Every execution uses the same key, so
    /// that a repeated step takes effect once.
    #[must_use]
    pub fn key(&self) -> String {
        step_key(self.subject, self.step)
    }

    /// Key of another step about the same subject, for continuing or undoing that step's effect.
    #[must_use]
    pub fn key_of_step(&self, step: &str) -> String {
        step_key(self.subject, step)
    }
}

/// The key of a step. Sagas of one subject must not share a step name unless both mean the same effect.
#[must_use]
pub fn step_key(subject: impl fmt::Display, step: &str) -> String {
    format!("{subject}.{step}")
}

/// One commit of a saga, as passed to the module's own writes in that commit.
#[derive(Debug)]
pub struct Transition {
    /// Time of the commit.
    pub at: Timestamp,
    /// Names of the steps that are intended from now on.
    pub open_steps: Vec<String>,
}
