//! Identity check of a module's processes: the contract and the store at each address.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderValue, Response, StatusCode};
use offshoot_contract::{CallFailure, FailureKind, json};
use offshoot_listener::receive_body;

use super::{MAX_ANSWER_BYTES, ModuleClient};
use crate::endpoints::Endpoint;
use crate::headers;
use crate::identity::Identity;
use crate::limits::SILENT_CHECK_TIMEOUT;
use crate::transport::ResponseBody;

/// Caller name in the service token of an identity check.
const IDENTIFY_CALLER: &str = "identify";

impl ModuleClient {
    /// Checks contract and store at every address. Succeeds if one address serves the right ones; `timeout` holds for
    /// DNS resolution and for each address.
    pub(crate) async fn identify(&self, timeout: Duration) -> Result<Identity, CallFailure> {
        let mut answers = self.identities(timeout).await?;
        let first = answers.iter().position(Result::is_ok).unwrap_or(0);
        if answers.is_empty() {
            return Err(self.identify_timed_out());
        }
        answers.swap_remove(first)
    }

    /// Checks contract and store at every address: one must answer, and none may serve others. `timeout` as for `identify`.
    pub async fn check_all(&self, timeout: Duration) -> Result<(), CallFailure> {
        let answers = self.identities(timeout).await?;
        let has_right = answers.iter().any(Result::is_ok);
        let failures = || answers.iter().filter_map(|answer| answer.as_ref().err());
        let is_wrong = |failure: &&CallFailure| *failure.kind() == FailureKind::WrongContract;
        match failures().find(is_wrong).or_else(|| failures().next()) {
            Some(failure) if !has_right || is_wrong(&failure) => Err(failure.clone()),
            None if !has_right => Err(self.identify_timed_out()),
            _ => Ok(()),
        }
    }

    /// The identity at each address.
    async fn identities(&self, timeout: Duration) -> Result<Vec<Result<Identity, CallFailure>>, CallFailure> {
        let all = match tokio::time::timeout(timeout, self.endpoints.resolve_all()).await {
            Ok(all) => all?,
            // A name whose lookup lasts takes nothing from the others.
            Err(_) => self.endpoints.known(),
        };
        let checks = all.iter().map(|endpoint| async move {
            let identity = tokio::time::timeout(timeout, self.fetch_identity(endpoint)).await;
            let identity = identity.unwrap_or_else(|_| Err(self.identify_timed_out()))?;
            endpoint.health.record_identified(self.endpoints.now());
            Ok(identity)
        });
        Ok(join_all(checks).await)
    }

    /// Checks a silent endpoint, or waits while another call checks.
    pub(super) async fn until_checked(&self, endpoint: &Endpoint) {
        if endpoint.health.begin_check_of_silence(self.endpoints.now()) {
            self.check_silent(endpoint).await;
        } else if !endpoint.health.is_silent() {
            tokio::time::sleep(SILENT_CHECK_TIMEOUT).await;
        }
    }

    /// Checks an endpoint that answers nothing. A process that is busy with long calls answers the check; a hung one is
    /// ejected until it does.
    pub(super) async fn check_silent(&self, endpoint: &Endpoint) {
        let _check = SilenceCheck(endpoint);
        if !endpoint.health.is_silent() {
            // Perhaps only the connections are dead: a firewall that forgets a connection tells nobody.
            self.transport.forget_connections();
        }
        let identity = tokio::time::timeout(SILENT_CHECK_TIMEOUT, self.fetch_identity(endpoint)).await;
        // Any answer shows that the process runs; the calls report other faults.
        let has_answered = match &identity {
            Ok(Err(failure)) => !is_lost(failure),
            Ok(Ok(_)) => true,
            Err(_) => false,
        };
        if !has_answered {
            self.endpoints.eject_silent(endpoint);
            return;
        }
        let now = self.endpoints.now();
        if endpoint.health.is_silent() {
            endpoint.health.record_identified(now);
        }
        endpoint.health.record_sign_of_life(now);
    }

    async fn fetch_identity(&self, endpoint: &Endpoint) -> Result<Identity, CallFailure> {
        let uri = format!("{}/modules/{}/contract", endpoint.url, self.name);
        let mut token = self.tokens.header(IDENTIFY_CALLER);
        let mut response = self.request_identity(endpoint, &uri, &token).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(other) = self.tokens.replace(IDENTIFY_CALLER, &token)
        {
            token = other;
            response = self.request_identity(endpoint, &uri, &token).await?;
        }
        let (head, body) = response.into_parts();
        self.require_module(endpoint, &head, false)?;
        let unreadable = |why: String| CallFailure::not_executed(FailureKind::BadAnswer, why);
        let body = receive_body(&head.headers, body, MAX_ANSWER_BYTES).await;
        let body = body.map_err(|error| unreadable(format!("the response of {uri} is unreadable: {error}")))?;
        if head.status == StatusCode::OK {
            self.check_identity(endpoint, head.headers.get(headers::CONTRACT), false)?;
            return json::from_slice(&body)
                .map_err(|error| unreadable(format!("the response of {uri} is not a valid identity: {error}")));
        }
        if head.status == StatusCode::UNAUTHORIZED {
            return Err(self.token_was_rejected(endpoint));
        }
        match json::from_slice::<offshoot_contract::Problem>(&body) {
            // The check has no effect, even if the problem reports one.
            Ok(problem) => Err(CallFailure::from(problem).with_may_have_executed(false)),
            Err(_) => {
                self.check_identity(endpoint, head.headers.get(headers::CONTRACT), false)?;
                Err(unreadable(format!("{uri} answered HTTP {}", head.status.as_u16())))
            }
        }
    }

    async fn request_identity(
        &self,
        endpoint: &Endpoint,
        uri: &str,
        token: &HeaderValue,
    ) -> Result<Response<ResponseBody>, CallFailure> {
        let request = self.build_bare_request(endpoint, uri.to_owned(), token, Bytes::new())?;
        self.transport.send(self.name, false, request).await
    }
}

fn is_lost(failure: &CallFailure) -> bool {
    matches!(failure.kind(), FailureKind::ConnectionLost | FailureKind::Unavailable)
}

/// A check of a silent endpoint. A check that is dropped has no result, and another one may begin.
struct SilenceCheck<'a>(&'a Endpoint);

impl Drop for SilenceCheck<'_> {
    fn drop(&mut self) {
        self.0.health.end_check_of_silence();
    }
}
