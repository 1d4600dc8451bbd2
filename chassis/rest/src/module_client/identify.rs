//! Identity check of a module's processes: the contract and the store at each address.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderValue, Response, StatusCode};
use offshoot_contract::{CallFailure, FailureKind, json};
use offshoot_listener::receive_body;
use tokio::time::Instant;

use super::{MAX_ANSWER_BYTES, ModuleClient};
use crate::endpoints::Endpoint;
use crate::headers;
use crate::identity::{Identity, WITH_BUILD};
use crate::limits::{FIRST_CHECK_TIMEOUT, SILENT_CHECK_TIMEOUT};
use crate::transport::ResponseBody;

/// Caller name in the service token of an identity check.
const IDENTIFY_CALLER: &str = "identify";

/// What a process tells in an identity check.
#[derive(Debug, Clone, Copy)]
enum Detail {
    Plain,
    /// With the hash of the executable.
    WithBuild,
}

impl ModuleClient {
    /// Checks contract and store at every address. Succeeds if one address serves the right ones; `timeout` holds for
    /// DNS resolution and for each address.
    pub(crate) async fn identify(&self, timeout: Duration) -> Result<Identity, CallFailure> {
        let mut answers = self.identities(timeout, Detail::Plain).await?;
        let first = answers.iter().position(Result::is_ok).unwrap_or(0);
        if answers.is_empty() {
            return Err(self.identify_timed_out());
        }
        answers.swap_remove(first).map(|(_, identity)| identity)
    }

    /// Checks contract and store at every address: one must answer, and none may serve others. Returns the URL and the
    /// identity of each process that answered. `timeout` as for `identify`.
    pub async fn check_all(&self, timeout: Duration) -> Result<Vec<(String, Identity)>, CallFailure> {
        self.check_all_for(timeout, Detail::Plain).await
    }

    /// Like [`check_all`](Self::check_all), with the hash of each executable. A process computes the hash at the first
    /// request, which takes as long as reading the executable.
    pub async fn check_all_builds(&self, timeout: Duration) -> Result<Vec<(String, Identity)>, CallFailure> {
        self.check_all_for(timeout, Detail::WithBuild).await
    }

    async fn check_all_for(&self, timeout: Duration, detail: Detail) -> Result<Vec<(String, Identity)>, CallFailure> {
        let answers = self.identities(timeout, detail).await?;
        let has_right = answers.iter().any(Result::is_ok);
        let failures = || answers.iter().filter_map(|answer| answer.as_ref().err());
        let is_wrong = |failure: &&CallFailure| *failure.kind() == FailureKind::WrongContract;
        match failures().find(is_wrong).or_else(|| failures().next()) {
            Some(failure) if !has_right || is_wrong(&failure) => Err(failure.clone()),
            None if !has_right => Err(self.identify_timed_out()),
            _ => Ok(answers.into_iter().filter_map(Result::ok).collect()),
        }
    }

    /// Asks who answers, before the first call, so that the call names the store: a call to an unknown store could change
    /// another store's data.
    pub(super) async fn find_store(&self, until: Instant) -> Result<(), CallFailure> {
        let timeout = until.saturating_duration_since(Instant::now());
        self.identify(timeout.min(FIRST_CHECK_TIMEOUT)).await.map(drop)
    }

    /// URL and identity at each address.
    async fn identities(
        &self,
        timeout: Duration,
        detail: Detail,
    ) -> Result<Vec<Result<(String, Identity), CallFailure>>, CallFailure> {
        let all = match tokio::time::timeout(timeout, self.endpoints.resolve_all()).await {
            Ok(all) => all?,
            // A name whose lookup lasts takes nothing from the others.
            Err(_) => self.endpoints.known(),
        };
        let checks = all.iter().map(|endpoint| async move {
            let identity = tokio::time::timeout(timeout, self.fetch_identity(endpoint, detail)).await;
            identity.unwrap_or_else(|_| Err(self.identify_timed_out()))
        });
        let answers = join_all(checks).await;
        self.decide_store(&all, &answers)?;
        let accept = |(endpoint, answer): (&Arc<Endpoint>, Result<Identity, CallFailure>)| {
            let identity = answer?;
            if self.store.get().is_some_and(|expected| expected != identity.store_id) {
                let server = self.contract.request_header(Some(identity.store_id)).to_string();
                return Err(self.wrong_server(endpoint, &server, false));
            }
            endpoint.health.record_identified(self.endpoints.now());
            Ok((endpoint.url.clone(), identity))
        };
        Ok(all.iter().zip(answers).map(accept).collect())
    }

    /// Decides which store is expected, if none is. All addresses that answer must show the same one.
    fn decide_store(
        &self,
        all: &[Arc<Endpoint>],
        answers: &[Result<Identity, CallFailure>],
    ) -> Result<(), CallFailure> {
        if self.store.get().is_some() {
            return Ok(());
        }
        let found = |(endpoint, answer): (&Arc<Endpoint>, &Result<Identity, CallFailure>)| {
            let identity = answer.as_ref().ok()?;
            Some((endpoint.url.clone(), identity.store_id))
        };
        let found: Vec<_> = all.iter().zip(answers).filter_map(found).collect();
        let Some((url, store)) = found.first() else {
            return Ok(());
        };
        let refused = |why| CallFailure::not_executed(FailureKind::WrongContract, why);
        if let Some((other_url, other)) = found.iter().find(|(_, other)| other != store) {
            let name = self.name;
            return Err(refused(format!(
                "{name} has another store at each address: {store} at {url}, {other} at {other_url}; no call is sent"
            )));
        }
        self.store.get_or_decide(*store, url).map(drop).map_err(refused)
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
        let identity = tokio::time::timeout(SILENT_CHECK_TIMEOUT, self.fetch_identity(endpoint, Detail::Plain)).await;
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

    async fn fetch_identity(&self, endpoint: &Endpoint, detail: Detail) -> Result<Identity, CallFailure> {
        let mut uri = format!("{}/modules/{}/contract", endpoint.url, self.name);
        if matches!(detail, Detail::WithBuild) {
            uri = format!("{uri}?{WITH_BUILD}");
        }
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
            Ok(problem) => Err(self.refused_check(endpoint, CallFailure::from(problem))),
            Err(_) => {
                self.check_identity(endpoint, head.headers.get(headers::CONTRACT), false)?;
                Err(unreadable(format!("{uri} answered HTTP {}", head.status.as_u16())))
            }
        }
    }

    /// The server's refusal of a check. A server that serves something else does not know its own address.
    fn refused_check(&self, endpoint: &Endpoint, refusal: CallFailure) -> CallFailure {
        match refusal.kind() {
            FailureKind::WrongContract => {
                let (name, url) = (self.name, &endpoint.url);
                let why = format!("{name} is not right at {url}: {}", refusal.message());
                CallFailure::not_executed(FailureKind::WrongContract, why)
            }
            _ => refusal.with_may_have_executed(false),
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
