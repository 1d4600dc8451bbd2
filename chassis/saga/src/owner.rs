//! What a module says about itself: what its sagas work on, how that is loaded, and how a step can end.
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
pub trait Owner: Send + Sync + Sized + 'static {
    /// What an execution has at hand. A copy is changed while a commit is prepared, and taken over when it was made.
    type Work: Clone + Send + Sync;
    /// What of it stands in the log, as JSON, for whoever takes the saga up. No secrets: it is kept for ever.
    type Data: Serialize + DeserializeOwned + Send;
    /// Why a saga is undone.
    type Reason: fmt::Debug + Send + Sync;
    /// What the call is answered that carries a saga to its end.
    type Answer: Serialize + Send + Sync;

    /// What stands in the log of it.
    fn data(work: &Self::Work) -> Self::Data;

    /// What the log and the module's own rows say, for an execution that takes a saga up.
    async fn load(&self, tx: &mut Tx<'_>, subject: &str, data: Self::Data) -> Result<Self::Work, CallFailure>;

    /// The answer of the call whose last transaction ends the saga well.
    fn answer(work: &Self::Work) -> &Self::Answer;

    /// Why a saga is undone whose time is over, or that an operator wants undone.
    fn interrupted() -> Self::Reason;
}

/// How a step can fail.
#[derive(Debug)]
pub enum Setback<R> {
    /// It cannot be done, and this call did not do it. The saga is undone, or stands still if it cannot be.
    Refused(R),
    /// Nobody knows, or not now: somebody will have to try again.
    Trouble(CallFailure),
}

impl<R> From<CallFailure> for Setback<R> {
    fn from(failure: CallFailure) -> Self {
        Setback::Trouble(failure)
    }
}

/// What a step is given.
pub struct Turn<'a, O: Owner> {
    /// What the saga is about.
    pub work: &'a O::Work,
    pub(crate) subject: &'a str,
    pub(crate) step: &'a str,
}

impl<O: Owner> Turn<'_, O> {
    /// The name under which the other module keeps what this step does: the same for every execution, so that a step
    /// done again is done once.
    #[must_use]
    pub fn key(&self) -> String {
        step_key(self.subject, self.step)
    }

    /// The same of another step about the same subject, to go on with what that one did.
    #[must_use]
    pub fn key_of(&self, step: &str) -> String {
        step_key(self.subject, step)
    }
}

/// The key of a step. A subject's sagas must not share a step's name unless they mean the same effect.
#[must_use]
pub fn step_key(subject: impl fmt::Display, step: &str) -> String {
    format!("{subject}.{step}")
}

/// What a module is told when it notes its own part of a commit.
#[derive(Debug)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The steps that are intended from now on.
    pub open: Vec<String>,
}
