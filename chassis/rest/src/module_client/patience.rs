//! Waiting for the answer of one endpoint. A safe or idempotent call is sent again before the time is over: the connection may be
//! dead without a sign. A call that may be repeated elsewhere waits no longer once the endpoint was ejected.

use std::future::pending;
use std::pin::pin;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Answer, AttemptError, ModuleClient, WireCall};
use crate::endpoints::{Attempt, Endpoint, Selected};
use crate::health::nanos;
use crate::limits::MAX_SILENCE;

/// The end of a wait for an answer.
pub(super) enum Waited {
    Answered(Result<Answer, AttemptError>),
    /// The time is over.
    InVain,
    /// The endpoint answers nothing and was ejected, and the call may be repeated at another one.
    Ejected,
}

impl ModuleClient {
    /// Sends a call to one endpoint and waits for the answer, at most until `until`.
    pub(super) async fn answer_of(&self, selected: &Selected, call: &WireCall<'_>, until: Instant) -> Waited {
        let endpoint = &selected.endpoint;
        let mut first = pin!(self.send_to(endpoint, call, until));
        let in_time = |answer: Result<_, _>| answer.map_or(Waited::InVain, Waited::Answered);
        let may_repeat = call.bounds.is_awaited && call.spec.class.may_repeat(call.key.is_some());
        if !may_repeat {
            return in_time(timeout_at(until, first).await);
        }
        let now = Instant::now();
        let halfway = now + until.saturating_duration_since(now) / 2;
        if let Ok(answer) = timeout_at(halfway.min(now + MAX_SILENCE), &mut first).await {
            return Waited::Answered(answer);
        }
        let answer = async {
            tokio::select! {
                answer = first => answer,
                answer = self.send_again(selected, call, halfway, until) => Ok(answer),
            }
        };
        tokio::select! {
            answer = timeout_at(until, answer) => in_time(answer),
            () = endpoint.ejected_for_silence() => Waited::Ejected,
        }
    }

    /// Sends a safe or idempotent call once more to the same endpoint at `halfway`, on a new connection, within the retry budgets. Returns an
    /// answer that holds whatever becomes of the first attempt, or never.
    async fn send_again(&self, selected: &Selected, call: &WireCall<'_>, halfway: Instant, until: Instant) -> Answer {
        let endpoint = &selected.endpoint;
        self.check_if_silent(endpoint).await;
        sleep_until(halfway).await;
        self.check_if_silent(endpoint).await;
        // A key makes the repeat of an unsafe call harmless, but such calls may take long without a fault, and a repeat would
        // execute beside the first attempt.
        if call.spec.class.may_repeat(false) && call.cx.take_retry() {
            self.transport.forget_connections();
            let _load = Attempt::begin(&self.endpoints, selected, call.bounds.is_awaited);
            // A refusal of the repeat says nothing about a change that the first attempt may still make.
            if let Ok(answer) = self.send_to(endpoint, call, until).await
                && (answer.head.status.is_success() || !call.spec.class.has_effect())
            {
                return answer;
            }
        }
        pending().await
    }

    async fn check_if_silent(&self, endpoint: &Endpoint) {
        if endpoint.health.silence(self.endpoints.now()) >= nanos(MAX_SILENCE) {
            self.until_checked(endpoint).await;
        }
    }
}
