//! The caller's bookkeeping for a call: effects, the callee of a failure, the idempotency key and the deadline.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::context::{CallContext, IdempotencyKey, MAX_KEY_LENGTH};
use crate::failure::{CallFailure, FailureKind};
use crate::method_spec::MethodSpec;
use crate::problem::ContractError;
use crate::trace::TraceContext;

/// The caller's bookkeeping for one call: counts the effect before the call is sent, and records the callee in a
/// failure.
pub struct OutgoingCall<'cx> {
    cx: &'cx CallContext,
    spec: &'static MethodSpec,
}

impl<'cx> OutgoingCall<'cx> {
    /// Begins a call. Counts an effect unless the method is safe.
    #[must_use]
    pub fn begin(cx: &'cx CallContext, spec: &'static MethodSpec) -> Self {
        if spec.class.has_effect() {
            cx.count_effect();
        }
        Self { cx, spec }
    }

    /// Finishes the call. Uncounts the effect if the call certainly did not execute.
    pub fn finish<T, E: ContractError>(self, result: Result<T, E>) -> Result<T, E> {
        map_failure(result, |failure| self.finish_failed(failure))
    }

    fn finish_failed(self, failure: CallFailure) -> CallFailure {
        if self.spec.class.has_effect() && !failure.may_have_executed() {
            self.cx.uncount_effect();
        }
        record_callee(failure, self.spec)
    }
}

/// Changes the failure of a call. Answers and domain errors stay.
pub(crate) fn map_failure<T, E: ContractError>(
    result: Result<T, E>,
    change: impl FnOnce(CallFailure) -> CallFailure,
) -> Result<T, E> {
    result.map_err(|error| match error.into_failure() {
        Ok(failure) => change(failure).into(),
        Err(domain_error) => domain_error,
    })
}

/// Records the called method in a failure, unless the callee of a nested call is already recorded.
pub(crate) fn record_callee(failure: CallFailure, spec: &MethodSpec) -> CallFailure {
    failure.with_callee(spec.module, spec.name)
}

/// Logs a failure as one line with the chain of causes and the code explained in RUNBOOK.md. Refusals (4xx) are not
/// logged: the caller is to blame.
pub(crate) fn log_failure(spec: &MethodSpec, caller: &str, trace: &TraceContext, failure: &CallFailure) {
    let (status, code) = failure.status_and_code();
    let is_known = !matches!(failure.kind(), FailureKind::Unrecognised { .. });
    if status < 500 && is_known {
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
    /// The key of a call with these arguments, given as JSON: the decoded arguments, so that a retry has the same hash
    /// under every placement. Refuses with 400 `bad-idempotency-key` if the key is empty, too long or not printable
    /// ASCII.
    pub fn new(key: Arc<str>, arguments: serde_json::Result<Vec<u8>>) -> Result<Self, CallFailure> {
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
        let json = arguments.and_then(|json| serde_json::from_slice::<Value>(&json));
        let mut json = json.map_err(|error| {
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
