//! Calls after their answers, with scripted repetitions.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallFailure, ContractError, FailureKind, MethodSpec, Observed, ObservedCall, Outcome, Side};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::fleet::reading;

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub(crate) enum StationsError {
    /// No station has this id.
    #[error("there is no station {id}")]
    #[problem(status = 404, code = "unknown-station")]
    UnknownStation { id: u32 },
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// An answer.
pub(crate) fn answer(value: Value) -> Observed {
    Observed::from_result(&Ok::<_, StationsError>(value), Duration::from_micros(300))
}

/// A domain error.
pub(crate) fn unknown(id: u32) -> Observed {
    let error = Err::<(), _>(StationsError::UnknownStation { id });
    Observed::from_result(&error, Duration::from_micros(300))
}

/// A failure.
pub(crate) fn failed(kind: FailureKind) -> Observed {
    let failure = CallFailure::not_executed(kind, "scripted");
    Observed::from_result(&Err::<(), _>(StationsError::Call(failure)), Duration::from_micros(300))
}

/// The outcome of a call that could not reach the candidate.
pub(crate) fn unavailable() -> Outcome {
    failed(FailureKind::Unavailable).outcome
}

/// Answers of one side. `None`: the side never answers.
pub(crate) type Answers = Arc<dyn Fn() -> Option<Observed> + Send + Sync>;

pub(crate) fn always(observed: Observed) -> Answers {
    Arc::new(move || Some(observed.clone()))
}

pub(crate) fn never() -> Answers {
    Arc::new(|| None)
}

/// A read after its answer.
pub(crate) struct ScriptedCall {
    pub(crate) answered_by: Side,
    pub(crate) given: Observed,
    pub(crate) local: Answers,
    pub(crate) candidate: Answers,
    pub(crate) encoding: Result<(), String>,
    ended: Option<oneshot::Sender<()>>,
}

impl ScriptedCall {
    /// A call that the local side answered, and a receiver that ends with its check.
    pub(crate) fn new(local: Answers, candidate: Answers) -> (Self, oneshot::Receiver<()>) {
        let (ended, has_ended) = oneshot::channel();
        let call = Self {
            answered_by: Side::Local,
            given: local().expect("the caller has an answer"),
            local,
            candidate,
            encoding: Ok(()),
            ended: Some(ended),
        };
        (call, has_ended)
    }
}

/// The call is dropped when its check has ended.
impl Drop for ScriptedCall {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            // A test that waits no longer is not told.
            ended.send(()).ok();
        }
    }
}

impl ObservedCall for ScriptedCall {
    fn spec(&self) -> &'static MethodSpec {
        reading()
    }

    fn method(&self) -> usize {
        0
    }

    fn answered_by(&self) -> Side {
        self.answered_by
    }

    fn arguments(&self) -> Value {
        json!({"station": "sta_01jqv8y2n3k4m5p6q7r8s9t0ab", "visitor": "Ada Lovelace"})
    }

    fn given(&self) -> Observed {
        self.given.clone()
    }

    fn repeat(&self, side: Side) -> BoxFuture<'_, Option<Observed>> {
        let answers = match side {
            Side::Local => &self.local,
            Side::Candidate => &self.candidate,
        };
        match answers() {
            Some(observed) => Box::pin(std::future::ready(Some(observed))),
            None => Box::pin(std::future::pending()),
        }
    }

    fn check_encoding(&self) -> BoxFuture<'_, Option<Result<(), String>>> {
        Box::pin(std::future::ready(Some(self.encoding.clone())))
    }
}
