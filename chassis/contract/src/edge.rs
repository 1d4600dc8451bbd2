//! The edge of a module in this process: every call to the implementation goes through the edge, local or remote.
//!
//! The edge admits calls, enforces the deadline, catches panics, keeps non-safe calls running when the caller goes
//! away, and translates failures for the caller.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::deadline::timeout_at;
use crate::invoke::{OutgoingCall, check_deadline, log_failure, record_callee};
use crate::{
    ArgsOf, CallContext, CallFailure, Callers, Contract, ContractError, FailureKind, IdempotencyKey, Invoke, Method,
};

/// The edge around a module's implementation in this process.
pub struct Edge<A: ?Sized> {
    api: Arc<A>,
    callers: Callers,
    admitted: TaskTracker,
}

impl<A: Contract + ?Sized> Edge<A> {
    /// Puts an edge around an implementation.
    #[must_use]
    pub fn new(api: Arc<A>) -> Self {
        Self {
            api,
            callers: Callers::everyone(),
            admitted: TaskTracker::new(),
        }
    }

    /// Admits only these callers, in this process and from others. Without an allow list, every caller is admitted.
    #[must_use]
    pub fn with_callers(self, callers: &[&'static str]) -> Self {
        Self {
            callers: Callers::only(callers),
            ..self
        }
    }

    /// The admitted callers.
    #[must_use]
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// Stops admitting calls and waits at most `timeout` for admitted calls. True if all admitted calls have ended.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.admitted.close();
        tokio::time::timeout(timeout, self.admitted.wait()).await.is_ok()
    }

    /// Executes one call. `cx` is the callee's context.
    pub async fn execute<M: Method<Api = A>>(
        &self,
        mut cx: CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        if M::SPEC.class.is_cancelled_with_caller() {
            self.require_open()?;
            return execute_guarded::<M>(&self.api, &mut cx, args).await;
        }
        // The token is taken before the check for a closed edge: a drain that begins in between waits for this call.
        let _admitted = self.admitted.token();
        self.require_open()?;
        // A separate task: a caller that goes away does not cancel a change halfway.
        let api = Arc::clone(&self.api);
        let span = tracing::Span::current();
        let task = async move { execute_guarded::<M>(&api, &mut cx, args).await };
        match self.admitted.spawn(task.instrument(span)).await {
            Ok(result) => result,
            // `execute_guarded` catches panics: a join error means that the runtime is shutting down.
            Err(error) => Err(CallFailure::maybe_executed(
                FailureKind::Unavailable,
                "the process shut down during the call",
            )
            .caused_by(error)
            .into()),
        }
    }

    /// Makes a call in this process. `cx` is the caller's context. `now` saves a clock read.
    pub(crate) async fn invoke_at<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
        now: Instant,
    ) -> Result<M::Answer, M::Error> {
        if M::SPEC.class.is_cancelled_with_caller() {
            return self.invoke_safe::<M>(cx, args, now).await;
        }
        let key = cx.take_next_key(&M::SPEC);
        let outgoing = OutgoingCall::begin::<M>(cx);
        let callee = self.authorize(cx.module()).and_then(|()| check_deadline(cx, now));
        let callee = callee.and_then(|()| {
            let key = key.map(|key| IdempotencyKey::new::<M>(key, &args)).transpose()?;
            Ok(cx.for_callee(M::spec(), key, now))
        });
        let result = match callee {
            Ok(callee) => self.execute::<M>(callee, args).await,
            Err(failure) => Err(failure.into()),
        };
        outgoing.finish::<M>(result)
    }

    /// Makes a safe call. Safe calls are not counted as effects, not drained, and run in the caller's task.
    pub(crate) async fn invoke_safe<M: Method<Api = A>>(
        &self,
        cx: &CallContext,
        args: ArgsOf<M>,
        now: Instant,
    ) -> Result<M::Answer, M::Error> {
        let admitted = self.authorize(cx.module()).and_then(|()| self.require_open());
        let result = match admitted.and_then(|()| check_deadline(cx, now)) {
            Ok(()) => {
                let mut callee = cx.for_callee(M::spec(), None, now);
                execute_guarded::<M>(&self.api, &mut callee, args).await
            }
            Err(failure) => Err(failure.into()),
        };
        result.map_err(record_callee::<M>)
    }

    fn authorize(&self, caller: &str) -> Result<(), CallFailure> {
        self.callers.authorize(A::NAME, caller)
    }

    fn require_open(&self) -> Result<(), CallFailure> {
        if !self.admitted.is_closed() {
            return Ok(());
        }
        let why = format!("{} is shutting down in this process", A::NAME);
        Err(CallFailure::not_executed(FailureKind::Unavailable, why))
    }
}

impl<A: Contract + ?Sized> Invoke<A> for Edge<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        self.invoke_at::<M>(cx, args, Instant::now()).await
    }
}

/// Runs the implementation until completion, deadline or panic, and translates failures for the caller.
async fn execute_guarded<M: Method>(
    api: &Arc<M::Api>,
    cx: &mut CallContext,
    args: ArgsOf<M>,
) -> Result<M::Answer, M::Error> {
    let deadline = cx.deadline();
    let call = AssertUnwindSafe(M::call(api, cx, args)).catch_unwind();
    let result = match timeout_at(deadline, call).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(CallFailure::internal("the module panicked")
            .caused_by(Panicked(panic_message(&*panic)))
            .into()),
        Err(_) => Err(CallFailure::not_executed(
            FailureKind::Timeout,
            "the deadline passed during the execution of the call",
        )
        .into()),
    };
    result.or_else(|error: M::Error| match error.into_failure() {
        Ok(failure) => finish_failed::<M>(cx, failure),
        Err(domain_error) => Err(domain_error),
    })
}

/// Converts a recorded response back into the answer. Translates and logs any other failure.
fn finish_failed<M: Method>(cx: &CallContext, failure: CallFailure) -> Result<M::Answer, M::Error> {
    if let Some(replay) = failure.replay() {
        return serde_json::from_slice(&replay.answer).map_err(|error| {
            let why = format!(
                "the recorded answer of {}.{} does not decode",
                M::SPEC.module,
                M::SPEC.name
            );
            CallFailure::internal(why)
                .with_may_have_executed(true)
                .caused_by(error)
                .into()
        });
    }
    let failure = failure.translate_for_caller(cx.effects() > 0);
    log_failure(M::spec(), cx.caller(), cx.trace(), &failure);
    Err(failure.into())
}

#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
