//! REST client of a contract: sends calls to the processes that serve the module, with failover and identity checks.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, Contract, ContractError as _, FailureKind, Invoke, Method, OutgoingCall, Verb,
    check_deadline, describe,
};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::endpoints::{Attempt, Endpoint, EndpointState, Endpoints};
use crate::identity::{ContractHeader, ExpectedStore, Identity};
use crate::keys::ModuleKeys;
use crate::limits::{ClientLimits, MethodBounds};
use crate::recorder::CallRecorder;
use crate::tls::no_tls;
use crate::token::TokenIssuer;
use crate::transport::{ServerNames, Transport};
use crate::{headers, request, response};

/// Limit on the body of a response, bytes. Lists are paged, so a larger body is a defect or an attack.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Share of the timeout reserved for the response's way back; a short deadline reserves less.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// Caller name in the service token of an identity check.
const IDENTIFY_CALLER: &str = "identify";

/// Endpoints that one call tries while no endpoint takes the call.
const MAX_ENDPOINTS_PER_CALL: usize = 3;

/// Addresses, credentials and limits of a client.
#[derive(Debug)]
pub struct ClientOptions {
    /// The processes that serve the module, all on one database.
    pub addresses: Vec<Address>,
    /// Zone of this process. Other zones are called only while every address in this zone is ejected.
    pub zone: Option<String>,
    /// Keys that sign the service tokens.
    pub keys: ModuleKeys,
    /// Store id that every response has to carry.
    pub store: Arc<ExpectedStore>,
    /// Limits on calls in flight, timeouts and ejection.
    pub limits: ClientLimits,
    /// TLS for `https` addresses, see [`client_tls`](crate::client_tls). With none, `https` addresses cannot be
    /// called.
    pub tls: Option<ClientConfig>,
}

impl ClientOptions {
    /// Options for a single address, with default limits, no zone and no TLS.
    #[must_use]
    pub fn for_address(address: Address, keys: ModuleKeys, store: ExpectedStore) -> Self {
        Self {
            addresses: vec![address],
            zone: None,
            keys,
            store: Arc::new(store),
            limits: ClientLimits::default(),
            tls: None,
        }
    }
}

/// Calls a contract in other processes. Connects at the first call, so processes may start in any order.
pub struct Client<A: ?Sized> {
    transport: Transport,
    endpoints: Arc<Endpoints>,
    bounds: Vec<MethodBounds>,
    chassis_bounds: MethodBounds,
    tokens: TokenIssuer,
    store: Arc<ExpectedStore>,
    hash: String,
    expected_header: OnceLock<HeaderValue>,
    accepted_header: OnceLock<HeaderValue>,
    api: PhantomData<fn() -> Box<A>>,
}

impl<A: Contract + ?Sized> Client<A> {
    /// Creates a client that calls over the network.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let tls = options.tls.clone().unwrap_or_else(no_tls);
        Self::with_transport(|endpoints| Transport::network(tls, ServerNames(endpoints)), options)
    }

    pub(crate) fn with_transport(transport: impl FnOnce(Arc<Endpoints>) -> Transport, options: ClientOptions) -> Self {
        let path = format!("/modules/{}/v{}", A::NAME, A::VERSION.major);
        let bounds = options.limits.bounds::<A>();
        let chassis_bounds = MethodBounds::for_chassis_methods();
        let endpoints = Endpoints::new(A::NAME, path, options.addresses, options.zone, options.limits);
        Self {
            transport: transport(Arc::clone(&endpoints)),
            endpoints,
            bounds,
            chassis_bounds,
            expected_header: OnceLock::new(),
            accepted_header: OnceLock::new(),
            tokens: TokenIssuer::new(options.keys),
            store: options.store,
            hash: describe::<A>().hash,
            api: PhantomData,
        }
    }

    /// Load and circuit breaker state of each process.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointState> {
        self.endpoints.states()
    }

    /// Checks contract and store at every address. Succeeds if one address serves the right ones; `timeout` holds for
    /// DNS resolution and for each address.
    pub async fn identify(&self, timeout: Duration) -> Result<Identity, CallFailure> {
        let all = tokio::time::timeout(timeout, self.endpoints.resolve()).await;
        let all = all.unwrap_or_else(|_| Err(self.identify_timed_out()))?;
        let checks = all.iter().map(|endpoint| async move {
            let identity = tokio::time::timeout(timeout, self.fetch_identity(endpoint)).await;
            let identity = identity.unwrap_or_else(|_| Err(self.identify_timed_out()))?;
            endpoint.health.record_identified(self.endpoints.now());
            Ok(identity)
        });
        let mut answers = join_all(checks).await;
        let first = answers.iter().position(Result::is_ok).unwrap_or(0);
        if answers.is_empty() {
            return Err(self.identify_timed_out());
        }
        answers.swap_remove(first)
    }

    /// Chassis methods are not part of the contract's trait and share one set of bounds.
    fn method_bounds<M: Method<Api = A>>(&self) -> &MethodBounds {
        self.bounds.get(M::SPEC.index).unwrap_or(&self.chassis_bounds)
    }

    fn identify_timed_out(&self) -> CallFailure {
        let why = format!(
            "{} did not answer the identity check in time",
            self.endpoints.describe()
        );
        CallFailure::not_executed(FailureKind::Timeout, why)
    }

    /// Makes one call. With an in-process transport, `recorder` receives the values that the server side sees.
    pub(crate) async fn call<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: &ArgsOf<M>,
        recorder: Option<CallRecorder<M>>,
    ) -> Result<M::Answer, M::Error> {
        let now = Instant::now();
        let key = cx.take_next_key(&M::SPEC);
        let outgoing = OutgoingCall::begin::<M>(cx);
        let result = match check_deadline(cx, now) {
            Err(failure) => Err(failure.into()),
            Ok(()) => {
                let until = cx.deadline().min(now + self.method_bounds::<M>().timeout);
                self.call_any::<M>(cx, key.as_deref(), until, args, recorder).await
            }
        };
        outgoing.finish::<M>(result)
    }

    /// Calls one endpoint, and fails over to others while an endpoint does not take the call.
    async fn call_any<M: Method<Api = A>>(
        &self,
        cx: &CallContext,
        key: Option<&str>,
        until: Instant,
        args: &ArgsOf<M>,
        recorder: Option<CallRecorder<M>>,
    ) -> Result<M::Answer, M::Error> {
        let bounds = self.method_bounds::<M>();
        let _method_permit = match &bounds.permits {
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
            let attempt = Attempt::begin(&self.endpoints, &selected);
            // `timeout_at` takes the inner future directly: a separate binding would store it twice in every call's
            // future.
            let within = timeout_at(
                until,
                self.call_endpoint::<M>(&selected.endpoint, cx, key, until, args, recorder.clone()),
            );
            let Ok(result) = within.await else {
                attempt.record_timeout(bounds.timeout);
                return Err(self.timed_out::<M>(&selected.endpoint).into());
            };
            let failure = result.as_ref().err().and_then(|error| error.to_problem().err());
            match failure {
                Some(failure) if is_endpoint_failure(failure) => attempt.record_failure(is_unavailable(failure)),
                _ => attempt.record_answer(),
            }
            drop(attempt);
            if !failure.is_some_and(is_unavailable) || excluded.len() + 1 == MAX_ENDPOINTS_PER_CALL.min(all.len()) {
                return result;
            }
            excluded.push(selected.endpoint);
            match self.endpoints.select(&all, &excluded) {
                Ok(next) => selected = next,
                Err(_) => return result,
            }
        }
    }

    async fn call_endpoint<M: Method<Api = A>>(
        &self,
        endpoint: &Endpoint,
        cx: &CallContext,
        key: Option<&str>,
        until: Instant,
        args: &ArgsOf<M>,
        recorder: Option<CallRecorder<M>>,
    ) -> Result<M::Answer, M::Error> {
        let mut request = self.build_request::<M>(endpoint, cx.module(), args)?;
        let timeout = until.saturating_duration_since(Instant::now());
        // The server gets a slightly shorter deadline, so that the server's own timeout response can still arrive.
        headers::write(
            cx,
            key,
            timeout - (timeout / 20).min(ANSWER_MARGIN),
            request.headers_mut(),
        );
        if let Some(recorder) = recorder {
            request.extensions_mut().insert(recorder);
        }
        let response = self
            .transport
            .send(A::NAME, M::SPEC.class.has_effect(), request)
            .await?;
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let why = format!("is larger than {MAX_ANSWER_BYTES} bytes");
                return Err(response::bad_answer::<M>(&why).into());
            }
            Err(error) => {
                let why = format!(
                    "the connection to {} at {} was lost during the response: {error}",
                    A::NAME,
                    endpoint.url
                );
                return Err(CallFailure::new(FailureKind::ConnectionLost, M::SPEC.class.has_effect(), why).into());
            }
        };
        let result = response::decode::<M>(head.status, &body);
        if response::is_unauthenticated::<M>(&result) {
            return Err(self.token_was_rejected(endpoint).into());
        }
        // A problem from the surface itself (wrong store, unknown path) is more precise than a failed identity check.
        if response::is_failure(&result)
            && head.headers.contains_key(headers::CONTRACT)
            && head.status != StatusCode::OK
        {
            return result;
        }
        self.check_identity(
            endpoint,
            head.headers.get(headers::CONTRACT),
            M::SPEC.class.has_effect(),
        )?;
        result
    }

    fn build_request<M: Method<Api = A>>(
        &self,
        endpoint: &Endpoint,
        caller: &'static str,
        args: &ArgsOf<M>,
    ) -> Result<Request<Full<Bytes>>, CallFailure> {
        let uri = request::uri::<M>(&endpoint.root, &args.params)?;
        let body = request::body::<M>(&args.body)?;
        let verb = match M::SPEC.verb {
            Verb::Get => http::Method::GET,
            Verb::Put => http::Method::PUT,
            Verb::Post => http::Method::POST,
            Verb::Delete => http::Method::DELETE,
        };
        let mut request = self.build_bare_request(uri, caller, body)?;
        *request.method_mut() = verb;
        request.headers_mut().insert(HOST, endpoint.host_header.clone());
        if M::SPEC.has_body {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }

    fn build_bare_request(
        &self,
        uri: String,
        caller: &'static str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallFailure> {
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() = Uri::from_maybe_shared(Bytes::from(uri)).map_err(|error| {
            let why = format!("the request to {} has an invalid URI", A::NAME);
            CallFailure::not_executed(FailureKind::Internal, why).caused_by(error)
        })?;
        request.headers_mut().insert(AUTHORIZATION, self.tokens.header(caller));
        request.headers_mut().insert(headers::CONTRACT, self.expected_header());
        Ok(request)
    }

    /// Contract and store that requests address.
    fn expected(&self) -> ContractHeader {
        ContractHeader::for_contract::<A>(self.store.get(), None)
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
        let wrong = |server: String| {
            let why = format!(
                "{} was called at {}, but {server} answered",
                self.expected(),
                endpoint.url
            );
            CallFailure::new(FailureKind::WrongContract, may_have_executed, why)
        };
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
        if let Some(store) = server.store
            && self.store.get_or_learn(store) != store
        {
            // Concurrent first responses from two stores: the other response came first.
            return Err(wrong(server.to_string()));
        }
        if server.hash.as_ref().is_some_and(|hash| *hash != self.hash) {
            tracing::debug!(contract = A::NAME, "server has another minor version of the contract");
        }
        if let Some(answered) = answered {
            let _ = self.accepted_header.set(answered.clone());
        }
        Ok(())
    }

    async fn fetch_identity(&self, endpoint: &Endpoint) -> Result<Identity, CallFailure> {
        let uri = format!("{}/modules/{}/contract", endpoint.url, A::NAME);
        let response = self
            .transport
            .send(
                A::NAME,
                false,
                self.build_bare_request(uri.clone(), IDENTIFY_CALLER, Bytes::new())?,
            )
            .await?;
        let (head, body) = response.into_parts();
        let unreadable = |why: String| CallFailure::not_executed(FailureKind::BadAnswer, why);
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body
            .map_err(|error| unreadable(format!("the response of {uri} ended early: {error}")))?
            .to_bytes();
        if head.status == StatusCode::OK {
            self.check_identity(endpoint, head.headers.get(headers::CONTRACT), false)?;
            return serde_json::from_slice(&body)
                .map_err(|error| unreadable(format!("the response of {uri} is not a valid identity: {error}")));
        }
        if head.status == StatusCode::UNAUTHORIZED {
            return Err(self.token_was_rejected(endpoint));
        }
        match serde_json::from_slice::<offshoot_contract::Problem>(&body) {
            Ok(problem) => Err(problem.into()),
            Err(_) => {
                self.check_identity(endpoint, head.headers.get(headers::CONTRACT), false)?;
                Err(unreadable(format!("{uri} answered HTTP {}", head.status.as_u16())))
            }
        }
    }

    /// `WrongContract` rather than `Refused`: the deployment is misconfigured, and the caller's request is not to
    /// blame.
    fn token_was_rejected(&self, endpoint: &Endpoint) -> CallFailure {
        let why = format!(
            "{} at {} rejected this process's service token: give both processes the same service keys and keep their clocks within a minute",
            A::NAME,
            endpoint.url
        );
        CallFailure::not_executed(FailureKind::WrongContract, why)
    }

    fn timed_out<M: Method>(&self, endpoint: &Endpoint) -> CallFailure {
        let why = format!(
            "{}.{} at {} did not answer in time",
            A::NAME,
            M::SPEC.name,
            endpoint.url
        );
        CallFailure::new(FailureKind::Timeout, M::SPEC.class.has_effect(), why)
    }
}

/// Whether the endpoint or the network is to blame. A caller's mistake and a failed dependency of the module are not
/// failures of the endpoint.
fn is_endpoint_failure(failure: &CallFailure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::Unavailable
            | FailureKind::Overloaded { .. }
            | FailureKind::ConnectionLost
            | FailureKind::BadAnswer
            | FailureKind::WrongContract
            | FailureKind::Internal
    )
}

/// Whether the endpoint did not take the call, so that another endpoint may be called at once.
fn is_unavailable(failure: &CallFailure) -> bool {
    *failure.kind() == FailureKind::Unavailable && !failure.may_have_executed()
}

impl<A: Contract + ?Sized> Invoke<A> for Client<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        self.call::<M>(cx, &args, None).await
    }
}
