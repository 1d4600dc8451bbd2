//! Client of the processes that serve one module: sends encoded calls, with failover and identity checks.
//!
//! Does not know the values of a call: a trait object decodes the outcome. So this code exists once in a binary, and not
//! for each method.

// One attempt at one endpoint.
mod attempt;
// Identity checks.
mod identify;
// Waiting for an answer, and sending a call again that gets none.
mod patience;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::response::Parts;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, FailureKind, MethodSpec, OutcomeOf, OutgoingCall, Problem, Verb, WireMethod,
    check_deadline, json,
};
use offshoot_listener::{AT_THE_LIMIT, BodyError, receive_body};
use tokio::time::{Instant, timeout_at};

use crate::client_options::ClientOptions;
use crate::endpoints::{Endpoint, EndpointState, Endpoints};
use crate::identity::{ContractHeader, ContractIdentity, ExpectedStore};
use crate::limits::{MethodBounds, SERVER_RETRY_AFTER};
use crate::recorder::CallRecorder;
use crate::request::EncodedArgs;
use crate::response::{DecodeOutcome, PendingOutcome};
use crate::token::TokenIssuer;
use crate::transport::Transport;
use crate::{headers, request, response};

use self::attempt::{Attempted, Failover};

/// Limit on the body of a response, bytes. Lists are paged, so a larger body is a defect or an attack.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Share of the timeout reserved for the response's way back; a short deadline reserves less.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// Endpoints that one call tries while no endpoint takes the call.
const MAX_ENDPOINTS_PER_CALL: usize = 3;

/// Calls methods in the processes of one module.
pub struct ModuleClient {
    name: &'static str,
    transport: Transport,
    endpoints: Arc<Endpoints>,
    chassis_bounds: MethodBounds,
    tokens: TokenIssuer,
    store: Arc<ExpectedStore>,
    contract: ContractIdentity,
    expected_header: OnceLock<HeaderValue>,
    accepted_header: OnceLock<HeaderValue>,
}

/// One call in the form of the wire.
struct WireCall<'a> {
    spec: &'static MethodSpec,
    bounds: &'a MethodBounds,
    cx: &'a CallContext,
    key: Option<&'a str>,
    args: &'a EncodedArgs,
    recorder: Option<CallRecorder>,
}

/// A complete response of one endpoint.
struct Answer {
    head: Parts,
    body: Bytes,
}

impl Answer {
    /// Whether the surface refused the service token.
    fn is_unauthenticated(&self) -> bool {
        let is_refused = |problem: Problem| response::is_unauthenticated(&CallFailure::from(problem));
        self.head.status == StatusCode::UNAUTHORIZED && json::from_slice(&self.body).is_ok_and(is_refused)
    }
}

/// The failure of one attempt at one endpoint.
struct AttemptError {
    failure: CallFailure,
    /// A server, or a gateway in front of it, answered the request.
    is_answered: bool,
}

impl AttemptError {
    fn unanswered(failure: CallFailure) -> Self {
        let is_answered = false;
        Self { failure, is_answered }
    }
}

impl From<CallFailure> for AttemptError {
    fn from(failure: CallFailure) -> Self {
        let is_answered = true;
        Self { failure, is_answered }
    }
}

impl ModuleClient {
    pub(crate) fn new(
        contract: ContractIdentity,
        transport: impl FnOnce(Arc<Endpoints>) -> Transport,
        options: ClientOptions,
    ) -> Arc<Self> {
        let name = contract.name;
        let endpoints = Endpoints::new(name, contract.root(), options.addresses, options.zone, options.limits);
        let client = Arc::new(Self {
            name,
            transport: transport(Arc::clone(&endpoints)),
            endpoints,
            chassis_bounds: MethodBounds::for_chassis_methods(),
            tokens: TokenIssuer::new(options.keys),
            store: options.store,
            contract,
            expected_header: OnceLock::new(),
            accepted_header: OnceLock::new(),
        });
        let weak = Arc::downgrade(&client);
        let check = move |endpoint: Arc<Endpoint>| {
            if let Some(client) = weak.upgrade() {
                tokio::spawn(async move { client.check_silent(&endpoint).await });
            }
        };
        client.endpoints.set_check_of_silent(Box::new(check));
        client
    }

    pub(crate) fn endpoints(&self) -> Vec<EndpointState> {
        self.endpoints.states()
    }

    /// Number of calls that wait for a permit, because as many as allowed are in flight.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.endpoints.waiting()
    }

    /// Name of the module.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    fn identify_timed_out(&self) -> CallFailure {
        let why = format!(
            "{} did not answer the identity check in time",
            self.endpoints.describe()
        );
        CallFailure::not_executed(FailureKind::Timeout, why)
    }

    /// Calls a method that the chassis of the module's processes answers.
    pub async fn call_chassis_method<M: WireMethod>(
        &self,
        spec: &'static MethodSpec,
        cx: &mut CallContext,
        args: &ArgsOf<M>,
    ) -> OutcomeOf<M> {
        self.call::<M>(spec, &self.chassis_bounds, cx, args, None).await
    }

    pub(crate) async fn call<M: WireMethod>(
        &self,
        spec: &'static MethodSpec,
        bounds: &MethodBounds,
        cx: &mut CallContext,
        args: &ArgsOf<M>,
        recorder: Option<CallRecorder>,
    ) -> OutcomeOf<M> {
        let key = cx.take_next_key(spec);
        let outgoing = OutgoingCall::begin(cx, spec);
        let mut outcome = PendingOutcome::<M>::new(spec);
        let sent = match request::encode::<M>(spec, args) {
            Ok(args) => {
                let call = WireCall {
                    spec,
                    bounds,
                    cx,
                    key: key.as_deref(),
                    args: &args,
                    recorder,
                };
                self.send(call, &mut outcome).await
            }
            Err(failure) => Err(failure),
        };
        outgoing.finish(match sent {
            Ok(()) => outcome.into_outcome(),
            Err(failure) => Err(failure.into()),
        })
    }

    /// Sends a call to one endpoint, and fails over to others while an endpoint does not take the call. Boxed, so that
    /// the future is compiled here and not for every caller.
    fn send<'a>(
        &'a self,
        call: WireCall<'a>,
        outcome: &'a mut dyn DecodeOutcome,
    ) -> BoxFuture<'a, Result<(), CallFailure>> {
        Box::pin(async move {
            let now = Instant::now();
            check_deadline(call.cx, now)?;
            let until = call.cx.deadline().min(now + call.bounds.timeout);
            if self.store.get().is_none() {
                Box::pin(self.find_store(until)).await?;
            }
            let _method_permit = match &call.bounds.permits {
                Some(permits) => Some(self.endpoints.acquire_permit(permits, until).await?),
                None => None,
            };
            let _module_permit = self.endpoints.acquire_module_permit(until).await?;
            let all = match self.endpoints.fixed() {
                Some(all) => all,
                None => timeout_at(until, self.endpoints.resolve())
                    .await
                    .unwrap_or_else(|_| Err(self.identify_timed_out()))?,
            };
            let mut selected = self.endpoints.select(&all, &[])?;
            let mut excluded = Vec::new();
            loop {
                let is_last = excluded.len() + 1 == MAX_ENDPOINTS_PER_CALL.min(all.len());
                let attempted = self.attempt(&selected, &call, until, outcome).await;
                let Err(Attempted { failure, failover }) = attempted else {
                    return Ok(());
                };
                if is_last || failover == Failover::Never {
                    return Err(failure);
                }
                excluded.push(selected.endpoint);
                let Ok(next) = self.endpoints.select(&all, &excluded) else {
                    return Err(failure);
                };
                if failover == Failover::WithinBudget && !call.cx.take_retry() {
                    return Err(failure);
                }
                selected = next;
            }
        })
    }

    /// Sends one request, and receives the whole response.
    async fn exchange(
        &self,
        endpoint: &Endpoint,
        call: &WireCall<'_>,
        token: &HeaderValue,
        until: Instant,
    ) -> Result<Answer, AttemptError> {
        let has_effect = call.spec.class.has_effect();
        let mut request = self.build_request(endpoint, call, token)?;
        let timeout = until.saturating_duration_since(Instant::now());
        // The server gets a slightly shorter deadline, so that the server's own timeout response can still arrive.
        let timeout = timeout - (timeout / 20).min(ANSWER_MARGIN);
        headers::write(call.cx, call.key, timeout, request.headers_mut());
        let response = self.transport.send(self.name, has_effect, request).await;
        let response = response.map_err(AttemptError::unanswered)?;
        let (head, body) = response.into_parts();
        self.require_module(endpoint, &head, has_effect)?;
        match receive_body(&head.headers, body, MAX_ANSWER_BYTES).await {
            Ok(body) => Ok(Answer { head, body }),
            Err(error @ (BodyError::TooLarge { .. } | BodyError::Encoded)) => {
                Err(response::bad_answer(call.spec, &format!("is unreadable: {error}")).into())
            }
            Err(BodyError::Incomplete) => {
                let why = format!(
                    "the connection to {} at {} was lost during the response",
                    self.name, endpoint.url
                );
                Err(CallFailure::new(FailureKind::ConnectionLost, has_effect, why).into())
            }
        }
    }

    /// Decodes a response, and checks who sent the response.
    fn accept(
        &self,
        endpoint: &Endpoint,
        call: &WireCall<'_>,
        answer: &Answer,
        outcome: &mut dyn DecodeOutcome,
    ) -> Result<(), CallFailure> {
        let (head, contract) = (&answer.head, answer.head.headers.get(headers::CONTRACT));
        let decoded = outcome.decode(head.status, &answer.body);
        // A problem from the surface itself (wrong store, unknown path) is more precise than a failed identity check.
        if decoded.is_err() && contract.is_some() && head.status != StatusCode::OK {
            return decoded;
        }
        self.check_identity(endpoint, contract, call.spec.class.has_effect())?;
        decoded
    }

    fn build_request(
        &self,
        endpoint: &Endpoint,
        call: &WireCall<'_>,
        token: &HeaderValue,
    ) -> Result<Request<Full<Bytes>>, CallFailure> {
        let uri = [endpoint.root.as_str(), call.args.path_and_query.as_str()].concat();
        let mut request = self.build_bare_request(endpoint, uri, token, call.args.body.clone())?;
        *request.method_mut() = match call.spec.verb {
            Verb::Get => http::Method::GET,
            Verb::Put => http::Method::PUT,
            Verb::Post => http::Method::POST,
            Verb::Delete => http::Method::DELETE,
        };
        if call.spec.has_body {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(recorder) = &call.recorder {
            request.extensions_mut().insert(recorder.clone());
        }
        Ok(request)
    }

    fn build_bare_request(
        &self,
        endpoint: &Endpoint,
        uri: String,
        token: &HeaderValue,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallFailure> {
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() = Uri::from_maybe_shared(Bytes::from(uri)).map_err(|error| {
            let why = format!("the request to {} has an invalid URI", self.name);
            CallFailure::not_executed(FailureKind::Internal, why).caused_by(error)
        })?;
        request.headers_mut().insert(HOST, endpoint.host_header.clone());
        request.headers_mut().insert(AUTHORIZATION, token.clone());
        request.headers_mut().insert(headers::CONTRACT, self.expected_header());
        Ok(request)
    }

    /// Contract and store that requests address.
    fn expected(&self) -> ContractHeader {
        self.contract.request_header(self.store.get())
    }

    /// `expected` as a header value, built once the store is known.
    fn expected_header(&self) -> HeaderValue {
        if self.store.get().is_none() {
            return self.expected().to_header_value();
        }
        self.expected_header
            .get_or_init(|| self.expected().to_header_value())
            .clone()
    }

    /// Refuses a response from another contract or another store than expected.
    fn check_identity(
        &self,
        endpoint: &Endpoint,
        answered: Option<&HeaderValue>,
        may_have_executed: bool,
    ) -> Result<(), CallFailure> {
        let wrong = |server: String| self.wrong_server(endpoint, &server, may_have_executed);
        // Fast path: the header equals the accepted one.
        if answered.is_some() && answered == self.accepted_header.get() {
            return Ok(());
        }
        let server = answered
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<ContractHeader>().ok());
        let Some(server) = server else {
            return Err(wrong("a server without a contract surface".to_owned()));
        };
        if !self.expected().accepts(&server) {
            return Err(wrong(server.to_string()));
        }
        if server.hash.as_ref().is_some_and(|hash| *hash != self.contract.hash) {
            tracing::debug!(contract = self.name, "server has another minor version of the contract");
        }
        // Without an expected store, a header proves nothing about the next one.
        if let (Some(answered), Some(_)) = (answered, self.store.get()) {
            let _ = self.accepted_header.set(answered.clone());
        }
        Ok(())
    }

    fn wrong_server(&self, endpoint: &Endpoint, server: &str, may_have_executed: bool) -> CallFailure {
        let (expected, url) = (self.expected(), &endpoint.url);
        let why = format!("{expected} was called at {url}, but {server} answered");
        CallFailure::new(FailureKind::WrongContract, may_have_executed, why)
    }

    /// `WrongContract` rather than `Refused`: the deployment is misconfigured, and the caller's request is not to
    /// blame.
    fn token_was_rejected(&self, endpoint: &Endpoint) -> CallFailure {
        let why = format!(
            "{} at {} rejected this process's service token: give both processes the same service keys and keep their clocks within a minute",
            self.name, endpoint.url
        );
        CallFailure::not_executed(FailureKind::WrongContract, why)
    }

    /// Fails if the answer comes from before the module: from the listener at the limit on connections, or from a gateway,
    /// which may have passed the request on.
    fn require_module(&self, endpoint: &Endpoint, head: &Parts, has_effect: bool) -> Result<(), CallFailure> {
        let (name, url) = (self.name, &endpoint.url);
        if head.headers.contains_key(AT_THE_LIMIT) {
            let retry_after = SERVER_RETRY_AFTER;
            let why = format!("the limit on connections of {name} at {url} is reached");
            return Err(CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why));
        }
        if is_from_gateway(head) {
            let status = head.status.as_u16();
            let why = format!("{name} cannot be reached at {url}: a gateway answered HTTP {status}");
            return Err(CallFailure::new(FailureKind::Unavailable, has_effect, why));
        }
        Ok(())
    }

    /// `kind` of a call that was not answered: `Timeout`, or `ConnectionLost` if the endpoint was given up.
    fn unanswered(&self, kind: FailureKind, endpoint: &Endpoint, spec: &MethodSpec) -> CallFailure {
        let why = format!("{}.{} at {} did not answer in time", self.name, spec.name, endpoint.url);
        CallFailure::new(kind, spec.class.has_effect(), why)
    }
}

/// Whether a gateway answered that no process took the request. A process of a module names its contract in every
/// response.
fn is_from_gateway(head: &Parts) -> bool {
    let statuses = [
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    statuses.contains(&head.status) && !head.headers.contains_key(headers::CONTRACT)
}
