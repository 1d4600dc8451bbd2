//! One attempt of a call at one endpoint: the verdict on the endpoint, and whether another endpoint may get the call.

use std::pin::pin;

use offshoot_contract::{CallFailure, Class, FailureKind};
use tokio::time::{Instant, timeout_at};

use super::{AttemptError, ModuleClient, WireCall};
use crate::endpoints::{Attempt, Endpoint, Selected};
use crate::health::nanos;
use crate::limits::MAX_SILENCE;
use crate::response::{self, DecodeOutcome};

/// Least share of the method's timeout that a server gets as its deadline.
const SERVERS_SHARE: f32 = 0.9;

/// A failed attempt.
pub(super) struct Attempted {
    pub(super) failure: CallFailure,
    pub(super) failover: Failover,
}

/// Whether another endpoint may get the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failover {
    Never,
    /// A refused connection costs next to nothing.
    Free,
    /// The endpoint has worked for the call, or taken its time, and the next one is probably in the same trouble.
    WithinBudget,
}

impl ModuleClient {
    /// Sends a call to one endpoint, and records the outcome there.
    pub(super) async fn attempt(
        &self,
        selected: &Selected,
        call: &WireCall<'_>,
        until: Instant,
        is_last: bool,
        outcome: &mut dyn DecodeOutcome,
    ) -> Result<(), Attempted> {
        // A safe call may be sent to another endpoint while the first one is hung.
        let may_give_up = !is_last && call.spec.class == Class::Safe;
        let attempt = Attempt::begin(&self.endpoints, selected, call.bounds.is_awaited);
        let answer = self.answer_of(&selected.endpoint, call, until, may_give_up, outcome);
        let Some(result) = answer.await else {
            attempt.record_timeout(call.bounds.timeout);
            let failover = match may_give_up && Instant::now() < until {
                true => Failover::WithinBudget,
                false => Failover::Never,
            };
            let failure = self.timed_out(&selected.endpoint, call.spec);
            return Err(Attempted { failure, failover });
        };
        let Err(AttemptError { failure, is_answered }) = result else {
            attempt.record_answer();
            return Ok(());
        };
        match failure.kind() {
            // The server has cut the call off by itself.
            FailureKind::Timeout => attempt.record_timeout(call.bounds.timeout.mul_f32(SERVERS_SHARE)),
            // The process works; the limit is on the callers.
            FailureKind::Overloaded { .. } => attempt.record_refusal(),
            _ if is_endpoint_failure(&failure) => {
                attempt.record_failure(is_unavailable(&failure), is_defect(&failure));
            }
            _ => attempt.record_answer(),
        }
        let failover = match (is_unavailable(&failure), is_answered) {
            (false, _) => Failover::Never,
            (true, false) => Failover::Free,
            (true, true) => Failover::WithinBudget,
        };
        Err(Attempted { failure, failover })
    }

    /// `None`: no answer until `until`, or, if the call `may_give_up`, none in half of that time from an endpoint that answers
    /// nothing else either.
    async fn answer_of(
        &self,
        endpoint: &Endpoint,
        call: &WireCall<'_>,
        until: Instant,
        may_give_up: bool,
        outcome: &mut dyn DecodeOutcome,
    ) -> Option<Result<(), AttemptError>> {
        let mut sent = pin!(self.send_to(endpoint, call, until, outcome));
        if may_give_up {
            let now = Instant::now();
            let halfway = now + until.saturating_duration_since(now) / 2;
            if let Ok(result) = timeout_at(halfway, &mut sent).await {
                return Some(result);
            }
            if endpoint.health.silence(self.endpoints.now()) >= nanos(MAX_SILENCE) {
                tokio::select! {
                    result = &mut sent => return Some(result),
                    () = self.until_checked(endpoint) => {}
                }
            }
            if endpoint.health.is_silent() {
                return None;
            }
        }
        timeout_at(until, sent).await.ok()
    }

    /// Sends a call to one endpoint. A server that refuses the service token gets the call once more with another one:
    /// a clock may have been set since the token was issued, and a refused call was not executed.
    async fn send_to(
        &self,
        endpoint: &Endpoint,
        call: &WireCall<'_>,
        until: Instant,
        outcome: &mut dyn DecodeOutcome,
    ) -> Result<(), AttemptError> {
        let caller = call.cx.module();
        let mut token = self.tokens.header(caller);
        let mut result = self.exchange(endpoint, call, &token, until, outcome).await;
        if is_unauthenticated(&result)
            && let Some(other) = self.tokens.replace(caller, &token)
        {
            token = other;
            result = self.exchange(endpoint, call, &token, until, outcome).await;
        }
        match is_unauthenticated(&result) {
            true => Err(self.token_was_rejected(endpoint).into()),
            false => result,
        }
    }
}

/// Whether the server refused the service token.
fn is_unauthenticated(result: &Result<(), AttemptError>) -> bool {
    let failure = result.as_ref().err().map(|error| &error.failure);
    failure.is_some_and(response::is_unauthenticated)
}

/// Whether the endpoint or the network is to blame. A caller's mistake and a failed dependency of the module are not
/// failures of the endpoint.
fn is_endpoint_failure(failure: &CallFailure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::Unavailable
            | FailureKind::ConnectionLost
            | FailureKind::BadAnswer
            | FailureKind::WrongContract
            | FailureKind::Internal
    )
}

/// Whether the endpoint answered, and the answer shows a defect: perhaps of one method only.
fn is_defect(failure: &CallFailure) -> bool {
    matches!(failure.kind(), FailureKind::Internal | FailureKind::BadAnswer)
}

/// Whether the endpoint did not take the call, so that another endpoint may be called at once.
fn is_unavailable(failure: &CallFailure) -> bool {
    *failure.kind() == FailureKind::Unavailable && !failure.may_have_executed()
}
