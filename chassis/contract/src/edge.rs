//! The edge of a module in this process: every call to the implementation goes through the edge, local or remote.
//!
//! The edge admits calls, enforces the deadline, catches panics, keeps non-safe calls running when the caller goes
//! away, and translates failures for the caller.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::callers::Callers;
use crate::context::{CallContext, IdempotencyKey};
use crate::deadline::{DeadlineExceeded, timeout_at};
use crate::failure::{CallFailure, FailureKind};
use crate::method::{ArgsOf, Contract, Invoke, Method, OutcomeOf};
use crate::method_spec::MethodSpec;
use crate::outgoing_call::{OutgoingCall, check_deadline, log_failure, map_failure, record_callee};
use crate::problem::ContractError as _;

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
    pub async fn execute<M: Method<Api = A>>(&self, mut cx: CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        if M::SPEC.class.is_cancelled_with_caller() {
            self.require_open()?;
            return execute_guarded::<M>(&self.api, &mut cx, args).await;
        }
        // The token is taken before the check for a closed edge: a drain that begins in between waits for this call.
        let _admitted = self.admitted.token();
        self.require_open()?;
        let api = Arc::clone(&self.api);
        let call = async move { execute_guarded::<M>(&api, &mut cx, args).await };
        run_to_completion(&self.admitted, call).await?
    }

    /// Makes a call in this process. `cx` is the caller's context. `now` saves a clock read.
    pub(crate) async fn invoke_at<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
        now: Instant,
    ) -> OutcomeOf<M> {
        if M::SPEC.class.is_cancelled_with_caller() {
            return self.invoke_safe::<M>(cx, args, now).await;
        }
        let key = cx.take_next_key(&M::SPEC);
        let outgoing = OutgoingCall::begin(cx, M::spec());
        let arguments = key.is_some().then(|| serde_json::to_vec(&args));
        let result = match self.callee_context(cx, M::spec(), key.zip(arguments), now) {
            Ok(callee) => self.execute::<M>(callee, args).await,
            Err(failure) => Err(failure.into()),
        };
        outgoing.finish(result)
    }

    /// Makes a safe call. Safe calls are not counted as effects, not drained, and run in the caller's task.
    pub(crate) async fn invoke_safe<M: Method<Api = A>>(
        &self,
        cx: &CallContext,
        args: ArgsOf<M>,
        now: Instant,
    ) -> OutcomeOf<M> {
        let callee = self.callee_context(cx, M::spec(), None, now);
        let result = match callee.and_then(|callee| self.require_open().map(|()| callee)) {
            Ok(mut callee) => execute_guarded::<M>(&self.api, &mut callee, args).await,
            Err(failure) => Err(failure.into()),
        };
        map_failure(result, |failure| record_callee(failure, M::spec()))
    }

    /// Admits a call made with `cx`, and derives the callee's context. `key`: the idempotency key, and the arguments.
    fn callee_context(
        &self,
        cx: &CallContext,
        spec: &'static MethodSpec,
        key: Option<(Arc<str>, serde_json::Result<Vec<u8>>)>,
        now: Instant,
    ) -> Result<CallContext, CallFailure> {
        self.callers.authorize(A::NAME, cx.module())?;
        check_deadline(cx, now)?;
        let key = key.map(|(key, arguments)| IdempotencyKey::new(key, arguments));
        Ok(cx.for_callee(spec, key.transpose()?, now))
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
    fn invoke<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> impl Future<Output = OutcomeOf<M>> + Send {
        self.invoke_at::<M>(cx, args, Instant::now())
    }
}

/// Runs the implementation until completion, deadline or panic, and translates failures for the caller.
async fn execute_guarded<M: Method>(api: &Arc<M::Api>, cx: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
    let deadline = cx.deadline();
    let call = AssertUnwindSafe(M::call(api, cx, args)).catch_unwind();
    let error = match timeout_at(deadline, call).await {
        Ok(Ok(Ok(answer))) => return Ok(answer),
        Ok(Ok(Err(error))) => error,
        Ok(Err(panic)) => panicked(panic).into(),
        Err(DeadlineExceeded) => timed_out().into(),
    };
    let failure = error.into_failure()?;
    match failure.replay() {
        Some(replay) => {
            serde_json::from_slice(&replay.answer).map_err(|error| unreadable_record(M::spec(), error).into())
        }
        None => Err(finish_failed(M::spec(), cx, failure).into()),
    }
}

/// Runs a call in a task of its own: a caller that goes away does not cancel a change halfway.
async fn run_to_completion<T: Send + 'static>(
    admitted: &TaskTracker,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, CallFailure> {
    let call = Box::pin(async move { Box::new(call.await) as Box<dyn Any + Send> });
    let result = spawn(admitted, call).await.map_err(shut_down)?;
    Ok(*result.downcast().expect("the task returns the call's own result"))
}

/// Spawns a task of the one type that all calls share: a task's code is large, and would be compiled for every method.
fn spawn(admitted: &TaskTracker, call: BoxFuture<'static, Box<dyn Any + Send>>) -> JoinHandle<Box<dyn Any + Send>> {
    admitted.spawn(call.instrument(tracing::Span::current()))
}

/// The failure of a call whose task did not end: panics are caught, so the runtime is shutting down.
fn shut_down(error: JoinError) -> CallFailure {
    let why = "the process shut down during the call";
    CallFailure::maybe_executed(FailureKind::Unavailable, why).caused_by(error)
}

fn timed_out() -> CallFailure {
    let why = "the deadline passed during the execution of the call";
    CallFailure::not_executed(FailureKind::Timeout, why)
}

/// Translates and logs a failure for the caller.
fn finish_failed(spec: &MethodSpec, cx: &CallContext, failure: CallFailure) -> CallFailure {
    let failure = failure.translate_for_caller(cx.effects() > 0);
    log_failure(spec, cx.caller(), cx.trace(), &failure);
    failure
}

/// The failure of a call whose recorded response does not decode.
fn unreadable_record(spec: &MethodSpec, error: serde_json::Error) -> CallFailure {
    let why = format!("the recorded answer of {}.{} does not decode", spec.module, spec.name);
    CallFailure::internal(why).with_may_have_executed(true).caused_by(error)
}

fn panicked(panic: Box<dyn Any + Send>) -> CallFailure {
    CallFailure::internal("the module panicked").caused_by(Panicked(panic_message(&*panic)))
}

#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
struct Panicked(String);

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
