//! The edge of a module in this process: every call to an implementation goes through it, wherever it came from.
//!
//! Here a call is admitted, bounded in time, protected from its caller's going away, and its failure is put in the
//! words of the module that it leaves.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::deadline::until;
use crate::invoke::{Outgoing, log, mark, refuse_if_late, require_caller};
use crate::{ArgsOf, CallContext, CallFailure, Contract, ContractError, FailureKind, Invoke, Method, OwnKey};

/// A module in this process, behind its edge.
pub struct Edge<A: ?Sized> {
    api: Arc<A>,
    admitted: TaskTracker,
}

impl<A: Contract + ?Sized> Edge<A> {
    /// Puts an edge around an implementation.
    #[must_use]
    pub fn new(api: Arc<A>) -> Self {
        Self {
            api,
            admitted: TaskTracker::new(),
        }
    }

    /// Admits no further call and waits at most `patience` for those admitted. True when all have ended.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.admitted.close();
        tokio::time::timeout(patience, self.admitted.wait()).await.is_ok()
    }

    /// Executes one call. `cx` is the callee's context.
    pub async fn execute<M: Method<Api = A>>(
        &self,
        mut cx: CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        if M::SPEC.class.is_cancelled_with_caller() {
            self.require_open()?;
            return run::<M>(&self.api, &mut cx, args).await;
        }
        // Taken before it is read whether the edge is closed: a drain that began meanwhile waits for this call.
        let _admitted = self.admitted.token();
        self.require_open()?;
        // A task of the module's own: a caller that goes away does not tear a change apart.
        let api = Arc::clone(&self.api);
        let span = tracing::Span::current();
        let task = async move { run::<M>(&api, &mut cx, args).await };
        match self.admitted.spawn(task.instrument(span)).await {
            Ok(result) => result,
            // `run` catches panics, so this is a runtime that is shutting down.
            Err(error) => Err(CallFailure::maybe_executed(
                FailureKind::Unavailable,
                "the process stopped during the call",
            )
            .caused_by(error)
            .into()),
        }
    }

    /// Makes a call in this process. `cx` is the caller's context, `now` spares another look at the clock.
    pub(crate) async fn invoke_at<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
        now: Instant,
    ) -> Result<M::Answer, M::Error> {
        if M::SPEC.class.is_cancelled_with_caller() {
            return self.look_up::<M>(cx, args, now).await;
        }
        let key = cx.take_key_for(&M::SPEC);
        let outgoing = Outgoing::open::<M>(cx);
        let entered = require_caller::<A>(cx.module()).and_then(|()| refuse_if_late(cx, now));
        let entered = entered.and_then(|()| {
            let own = key.map(|key| OwnKey::new::<M>(key, &args)).transpose()?;
            Ok(cx.enter(M::spec(), own, now))
        });
        let result = match entered {
            Ok(callee) => self.execute::<M>(callee, args).await,
            Err(failure) => Err(failure.into()),
        };
        outgoing.close::<M>(result)
    }

    /// A safe call: nothing to count, to admit or to hand to a task.
    pub(crate) async fn look_up<M: Method<Api = A>>(
        &self,
        cx: &CallContext,
        args: ArgsOf<M>,
        now: Instant,
    ) -> Result<M::Answer, M::Error> {
        let admitted = require_caller::<A>(cx.module()).and_then(|()| self.require_open());
        let result = match admitted.and_then(|()| refuse_if_late(cx, now)) {
            Ok(()) => {
                let mut callee = cx.enter(M::spec(), None, now);
                run::<M>(&self.api, &mut callee, args).await
            }
            Err(failure) => Err(failure.into()),
        };
        result.map_err(mark::<M>)
    }

    fn require_open(&self) -> Result<(), CallFailure> {
        if !self.admitted.is_closed() {
            return Ok(());
        }
        let why = format!("{} is stopping here", A::NAME);
        Err(CallFailure::not_executed(FailureKind::Unavailable, why))
    }
}

impl<A: Contract + ?Sized> Invoke<A> for Edge<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        self.invoke_at::<M>(cx, args, Instant::now()).await
    }
}

/// Runs the implementation to its end, its deadline or its panic, and words the outcome as the module's own.
async fn run<M: Method>(api: &Arc<M::Api>, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
    let deadline = cx.deadline();
    let call = AssertUnwindSafe(M::call(api, cx, args)).catch_unwind();
    let result = match until(deadline, call).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(CallFailure::internal("the module failed unexpectedly")
            .caused_by(Panicked(panic_message(&*panic)))
            .into()),
        Err(_) => Err(CallFailure::not_executed(
            FailureKind::Timeout,
            "the deadline passed while the call was executed",
        )
        .into()),
    };
    result.or_else(|error: M::Error| match error.into_failure() {
        Ok(failure) => leave::<M>(cx, failure),
        Err(answer) => Err(answer),
    })
}

/// A recorded answer becomes the answer; anything else leaves the module in its own name.
fn leave<M: Method>(cx: &CallContext, failure: CallFailure) -> Result<M::Answer, M::Error> {
    if let Some(replay) = failure.replay() {
        return serde_json::from_slice(&replay.answer).map_err(|error| {
            let why = format!("the recorded answer of {} does not decode", M::SPEC.name);
            CallFailure::internal(why)
                .with_may_have_executed(true)
                .caused_by(error)
                .into()
        });
    }
    let failure = failure.leaving_module(cx.effects() > 0);
    log(M::spec(), cx.caller(), cx.trace(), &failure);
    Err(failure.into())
}

#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
