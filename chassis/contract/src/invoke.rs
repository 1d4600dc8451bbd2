//! Invocation of contract methods: the `Invoke` trait, the proxy that implements a contract's trait over any `Invoke`,
//! and the caller's bookkeeping for a call.

use std::future::Future;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::{
    ArgsOf, CallContext, CallFailure, Contract, ContractError as _, FailureKind, IdempotencyKey, MAX_KEY_LENGTH,
    Method, MethodSpec, TraceContext,
};

/// Delivers a call, given as a value, to an implementation of contract `A`. Implemented by the edge of a module in this
/// process, the REST client, and the switch that routes to either.
pub trait Invoke<A: Contract + ?Sized>: Send + Sync + 'static {
    /// Makes the call. `cx` is the caller's context.
    fn invoke<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> impl Future<Output = Result<M::Answer, M::Error>> + Send;
}

/// Implements a contract's trait over any [`Invoke`]: `#[contract]` generates `impl ReadingsApi for ContractProxy<I>`.
#[derive(Debug)]
pub struct ContractProxy<I>(pub I);

impl<A: Contract + ?Sized, I: Invoke<A>> Invoke<A> for Arc<I> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        (**self).invoke::<M>(cx, args).await
    }
}

/// The caller's bookkeeping for one call: counts the effect before the call is sent, and records the callee in a
/// failure.
pub struct OutgoingCall<'cx> {
    cx: &'cx CallContext,
    counted: bool,
}

impl<'cx> OutgoingCall<'cx> {
    /// Begins a call of `M`. Counts an effect unless `M` is safe.
    pub fn begin<M: Method>(cx: &'cx CallContext) -> Self {
        let counted = M::SPEC.class.has_effect();
        if counted {
            cx.count_effect();
        }
        Self { cx, counted }
    }

    /// Finishes the call. Uncounts the effect if the call certainly did not execute.
    pub fn finish<M: Method>(self, result: Result<M::Answer, M::Error>) -> Result<M::Answer, M::Error> {
        result.map_err(|error| match error.into_failure() {
            Ok(failure) => {
                if self.counted && !failure.may_have_executed() {
                    self.cx.uncount_effect();
                }
                record_callee::<M>(failure.into())
            }
            Err(domain_error) => domain_error,
        })
    }
}

/// Records `M` as the callee of a failure, unless the callee of a nested call is already recorded.
pub(crate) fn record_callee<M: Method>(error: M::Error) -> M::Error {
    match error.into_failure() {
        Ok(failure) => failure.with_callee(M::SPEC.module, M::SPEC.name).into(),
        Err(domain_error) => domain_error,
    }
}

/// Logs the failure of a call made with `cx`. Domain errors and refusals are not logged.
pub(crate) fn log_if_failure<M: Method>(cx: &CallContext, error: &M::Error) {
    if error.variant().is_none()
        && let Err(failure) = error.to_problem()
    {
        log_failure(M::spec(), cx.module(), cx.trace(), failure);
    }
}

/// Logs a failure as one line with the chain of causes and the code explained in RUNBOOK.md. Refusals (4xx) are not
/// logged.
pub(crate) fn log_failure(spec: &MethodSpec, caller: &str, trace: &TraceContext, failure: &CallFailure) {
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

impl IdempotencyKey {
    /// The key of a call with these arguments. Refuses with 400 `bad-idempotency-key` if the key is empty, too long or
    /// not printable ASCII.
    pub fn new<M: Method>(key: Arc<str>, args: &ArgsOf<M>) -> Result<Self, CallFailure> {
        if key.is_empty() || key.len() > MAX_KEY_LENGTH || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CallFailure::refused(
                400,
                "bad-idempotency-key",
                format!(
                    "`{}` is not a valid idempotency key: use 1 to {MAX_KEY_LENGTH} printable ASCII characters without spaces",
                    key.chars().take(80).collect::<String>()
                ),
            ));
        }
        // Hashed from the decoded arguments, so that a retry has the same hash under every placement.
        let mut json = serde_json::to_value(args).map_err(|error| {
            CallFailure::not_executed(FailureKind::Internal, "the arguments do not serialize").caused_by(error)
        })?;
        // Map order is unspecified, and the hash must be stable.
        json.sort_all_objects();
        Ok(Self {
            key,
            arguments_hash: Sha256::digest(json.to_string()).into(),
        })
    }
}

/// Fails with a timeout if the deadline has passed before the call is sent.
pub fn check_deadline(cx: &CallContext, now: Instant) -> Result<(), CallFailure> {
    if now < cx.deadline() {
        return Ok(());
    }
    Err(CallFailure::not_executed(
        FailureKind::Timeout,
        "the deadline had passed before the call was made",
    ))
}
