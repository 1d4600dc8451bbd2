//! One attempt of a call at one endpoint: the verdict on the endpoint, and whether another endpoint may get the call.

use offshoot_contract::{CallFailure, FailureKind};
use tokio::time::Instant;

use super::patience::Waited;
use super::{Answer, AttemptError, ModuleClient, WireCall};
use crate::endpoints::{Attempt, Endpoint, Selected};
use crate::response::DecodeOutcome;

/// Least share of the method's timeout that a server gets as its deadline.
const SERVERS_SHARE: f32 = 0.9;

/// A failed attempt.
pub(super) struct Attempted {
    pub(super) failure: CallFailure,
    pub(super) failover: Failover,
}

impl From<CallFailure> for Attempted {
    fn from(failure: CallFailure) -> Self {
        let failover = Failover::Never;
        Self { failure, failover }
    }
}

/// Whether another endpoint may get the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failover {
    Never,
    /// A refused connection costs next to nothing.
    Free,
    /// The endpoint has worked for the call, and the next one is probably in the same trouble.
    WithinBudget,
}

impl ModuleClient {
    /// Sends a call to one endpoint, and records the outcome there.
    pub(super) async fn attempt(
        &self,
        selected: &Selected,
        call: &WireCall<'_>,
        until: Instant,
        outcome: &mut dyn DecodeOutcome,
    ) -> Result<(), Attempted> {
        let endpoint = &selected.endpoint;
        let attempt = Attempt::begin(&self.endpoints, selected, call.bounds.is_awaited);
        let result = match self.answer_of(selected, call, until).await {
            Waited::Answered(Ok(answer)) => self.accept(endpoint, call, &answer, outcome).map_err(Into::into),
            Waited::Answered(Err(error)) => Err(error),
            Waited::InVain => {
                attempt.record_timeout(call.bounds.timeout);
                return Err(self.unanswered(FailureKind::Timeout, endpoint, call.spec).into());
            }
            // The endpoint has been ejected, and the switch may send the call to another one.
            Waited::Ejected => return Err(self.unanswered(FailureKind::ConnectionLost, endpoint, call.spec).into()),
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

    /// Sends a call to one endpoint. A server that refuses the service token gets the call once more with another one:
    /// a clock may have been set since the token was issued, and a refused call was not executed.
    pub(super) async fn send_to(
        &self,
        endpoint: &Endpoint,
        call: &WireCall<'_>,
        until: Instant,
    ) -> Result<Answer, AttemptError> {
        let caller = call.cx.module();
        let token = self.tokens.header(caller);
        let mut answer = self.exchange(endpoint, call, &token, until).await?;
        if answer.is_unauthenticated()
            && let Some(other) = self.tokens.replace(caller, &token)
        {
            answer = self.exchange(endpoint, call, &other, until).await?;
        }
        match answer.is_unauthenticated() {
            true => Err(self.token_was_rejected(endpoint).into()),
            false => Ok(answer),
        }
    }
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
