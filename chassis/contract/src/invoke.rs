//! A way of invoking a contract, and the adapter that gives it the contract's trait.

use std::future::Future;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::{
    ArgsOf, CallContext, CallFailure, Contract, ContractError as _, FailureKind, MAX_KEY_LENGTH, Method, MethodSpec,
    OwnKey, TraceContext,
};

/// Brings a call, as a value, to an implementation of contract `A`: the edge of a module in this process, a REST
/// client, the switch over them.
pub trait Invoke<A: Contract + ?Sized>: Send + Sync + 'static {
    /// Makes the call. `cx` is the caller's context.
    fn invoke<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> impl Future<Output = Result<M::Answer, M::Error>> + Send;
}

/// Gives any [`Invoke`] the contract's trait: `#[contract]` writes `impl ReadingsApi for Invoker<I>`.
#[derive(Debug)]
pub struct Invoker<I>(pub I);

impl<A: Contract + ?Sized, I: Invoke<A>> Invoke<A> for Arc<I> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        (**self).invoke::<M>(cx, args).await
    }
}

/// The caller's side of one call: its effect is counted before it is sent, and a failure is marked with the callee.
pub struct Outgoing<'cx> {
    cx: &'cx CallContext,
    counted: bool,
}

impl<'cx> Outgoing<'cx> {
    /// Opens the books for one call of `M`.
    pub fn open<M: Method>(cx: &'cx CallContext) -> Self {
        let counted = M::SPEC.class.has_effect();
        if counted {
            cx.count_effect();
        }
        Self { cx, counted }
    }

    /// Closes them over the call's result.
    pub fn close<M: Method>(self, result: Result<M::Answer, M::Error>) -> Result<M::Answer, M::Error> {
        result.map_err(|error| match error.into_failure() {
            Ok(failure) => {
                if self.counted && !failure.may_have_executed() {
                    self.cx.uncount_effect();
                }
                mark::<M>(failure.into())
            }
            Err(answer) => answer,
        })
    }
}

/// Marks a failure as that of a call of `M`, unless a deeper call is named already.
pub(crate) fn mark<M: Method>(error: M::Error) -> M::Error {
    match error.into_failure() {
        Ok(failure) => failure.at(M::SPEC.module, M::SPEC.name).into(),
        Err(answer) => answer,
    }
}

/// Refuses a caller that the contract does not name, where it names any.
pub fn require_caller<A: Contract + ?Sized>(caller: &str) -> Result<(), CallFailure> {
    if A::CALLERS.is_empty() || A::CALLERS.contains(&caller) {
        return Ok(());
    }
    let why = format!("{caller} may not call {}: only {} may", A::NAME, A::CALLERS.join(", "));
    Err(CallFailure::refused(403, "caller-not-allowed", why))
}

/// Says in one line that a call made with `cx` did not succeed, with the chain of causes and the code that RUNBOOK.md
/// explains. The module's own answers and refusals are no failures.
pub(crate) fn log_failure<M: Method>(cx: &CallContext, error: &M::Error) {
    if error.variant().is_none()
        && let Err(failure) = error.to_problem()
    {
        log(M::spec(), cx.module(), cx.trace(), failure);
    }
}

/// The same.
pub(crate) fn log(spec: &MethodSpec, caller: &str, trace: &TraceContext, failure: &CallFailure) {
    let (status, code) = failure.status_and_code();
    if status < 500 {
        return;
    }
    tracing::warn!(
        module = spec.module,
        method = spec.name,
        caller,
        trace_id = trace.id(),
        code,
        may_have_executed = failure.may_have_executed(),
        error = failure as &dyn std::error::Error,
        "call failed"
    );
}

impl OwnKey {
    /// The key of a call with these arguments. Refuses a key that is empty, too long or not printable ASCII.
    pub fn new<M: Method>(key: Arc<str>, args: &ArgsOf<M>) -> Result<Self, CallFailure> {
        if key.is_empty() || key.len() > MAX_KEY_LENGTH || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CallFailure::refused(
                400,
                "bad-idempotency-key",
                format!(
                    "`{}` is no idempotency key: it has 1 to {MAX_KEY_LENGTH} printable ASCII characters without spaces",
                    key.chars().take(80).collect::<String>()
                ),
            ));
        }
        // Hashed from the decoded arguments, so that a repeat counts as the same call wherever it is executed.
        let mut json = serde_json::to_value(args).map_err(|error| {
            CallFailure::not_executed(FailureKind::Internal, "the arguments do not serialize").caused_by(error)
        })?;
        // A map has no order, and must be hashed alike every time.
        json.sort_all_objects();
        Ok(Self {
            key,
            arguments: Sha256::digest(json.to_string()).into(),
        })
    }
}

/// The failure of a call whose deadline passed before it was sent.
pub fn refuse_if_late(cx: &CallContext, now: Instant) -> Result<(), CallFailure> {
    if now < cx.deadline() {
        return Ok(());
    }
    Err(CallFailure::not_executed(
        FailureKind::Timeout,
        "the deadline had passed before the call was made",
    ))
}
