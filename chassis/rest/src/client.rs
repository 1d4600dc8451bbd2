//! The REST client of a contract.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, Contract, ContractError as _, FailureKind, Invoke, Method, Outgoing, Verb,
    describe, refuse_if_late,
};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::endpoints::{Attempt, Endpoint, EndpointState, Endpoints};
use crate::identity::{ExpectedStore, Identity, Named};
use crate::keys::ModuleKeys;
use crate::limits::{Bounds, ClientLimits};
use crate::tap::Tap;
use crate::tls::no_tls;
use crate::token::Tokens;
use crate::transport::{ServerNames, Transport};
use crate::{headers, request, response};

/// Largest answer that is read, bytes. Lists come in pages; what is larger is a mistake or an attack.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// What the answer may need for its way back, at most; less of a short deadline.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// As whom a process asks who is there.
const IDENTIFYING: &str = "identify";

/// Addresses that one call tries, where nobody listens at the first.
const MAX_TRIED: usize = 3;

/// Where and as whom a client calls.
#[derive(Debug)]
pub struct ClientOptions {
    /// The processes that serve the module, on one database.
    pub addresses: Vec<Address>,
    /// Where this process runs. As long as an address in the same zone answers, no other is called.
    pub zone: Option<String>,
    /// They open the contract.
    pub keys: ModuleKeys,
    /// The store that has to answer.
    pub store: Arc<ExpectedStore>,
    /// What the client allows itself.
    pub limits: ClientLimits,
    /// For addresses with `https`: whom it trusts. See [`client_tls`](crate::client_tls).
    pub tls: Option<ClientConfig>,
}

impl ClientOptions {
    /// One address, and everything else as usual.
    #[must_use]
    pub fn to(address: Address, keys: ModuleKeys, store: ExpectedStore) -> Self {
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

/// Calls a contract in other processes. Connects when it first calls, so processes start in any order.
pub struct Client<A: ?Sized> {
    transport: Transport,
    endpoints: Arc<Endpoints>,
    bounds: Vec<Bounds>,
    other_bounds: Bounds,
    tokens: Tokens,
    store: Arc<ExpectedStore>,
    hash: String,
    meant_header: OnceLock<HeaderValue>,
    accepted: OnceLock<HeaderValue>,
    api: PhantomData<fn() -> Box<A>>,
}

impl<A: Contract + ?Sized> Client<A> {
    /// A client that calls over the network.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let tls = options.tls.clone().unwrap_or_else(no_tls);
        Self::over(|endpoints| Transport::network(tls, ServerNames(endpoints)), options)
    }

    pub(crate) fn over(transport: impl FnOnce(Arc<Endpoints>) -> Transport, options: ClientOptions) -> Self {
        let path = format!("/modules/{}/v{}", A::NAME, A::VERSION.major);
        let bounds = options.limits.bounds::<A>();
        let other_bounds = Bounds::of_others();
        let endpoints = Endpoints::new(A::NAME, path, options.addresses, options.zone, options.limits);
        Self {
            transport: transport(Arc::clone(&endpoints)),
            endpoints,
            bounds,
            other_bounds,
            meant_header: OnceLock::new(),
            accepted: OnceLock::new(),
            tokens: Tokens::new(options.keys),
            store: options.store,
            hash: describe::<A>().hash,
            api: PhantomData,
        }
    }

    /// What is known of the processes that it calls.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointState> {
        self.endpoints.states()
    }

    /// Asks all who answer at the addresses, and refuses a wrong contract or store. Succeeds if one of them is right.
    pub async fn identify(&self, timeout: Duration) -> Result<Identity, CallFailure> {
        let all = tokio::time::timeout(timeout, self.endpoints.all()).await;
        let all = all.unwrap_or_else(|_| Err(self.nameless()))?;
        let asked = all.iter().map(|endpoint| async move {
            let identity = tokio::time::timeout(timeout, self.fetch_identity(endpoint)).await;
            let identity = identity.unwrap_or_else(|_| Err(self.nameless()))?;
            endpoint.health.is_there(self.endpoints.now());
            Ok(identity)
        });
        let mut answers = join_all(asked).await;
        let first = answers.iter().position(Result::is_ok).unwrap_or(0);
        if answers.is_empty() {
            return Err(self.nameless());
        }
        answers.swap_remove(first)
    }

    /// What is not a method of the contract has the bounds that all have.
    fn bounds_of<M: Method<Api = A>>(&self) -> &Bounds {
        self.bounds.get(M::SPEC.index).unwrap_or(&self.other_bounds)
    }

    fn nameless(&self) -> CallFailure {
        let why = format!("{} did not say in time who it is", self.endpoints.shown());
        CallFailure::not_executed(FailureKind::Timeout, why)
    }

    /// The caller's side of one call. A tap sees the values on the server's side of an in-process transport.
    pub(crate) async fn call<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: &ArgsOf<M>,
        tap: Option<Tap<M>>,
    ) -> Result<M::Answer, M::Error> {
        let now = Instant::now();
        let key = cx.take_key_for(&M::SPEC);
        let outgoing = Outgoing::open::<M>(cx);
        let result = match refuse_if_late(cx, now) {
            Err(failure) => Err(failure.into()),
            Ok(()) => {
                let until = cx.deadline().min(now + self.bounds_of::<M>().timeout);
                self.reach::<M>(cx, key.as_deref(), until, args, tap).await
            }
        };
        outgoing.close::<M>(result)
    }

    /// Calls one process, and another one if nobody answers there.
    async fn reach<M: Method<Api = A>>(
        &self,
        cx: &CallContext,
        key: Option<&str>,
        until: Instant,
        args: &ArgsOf<M>,
        tap: Option<Tap<M>>,
    ) -> Result<M::Answer, M::Error> {
        let bounds = self.bounds_of::<M>();
        let _turn = match &bounds.turns {
            Some(turns) => Some(self.endpoints.turn(turns, until).await?),
            None => None,
        };
        let _turn_of_all = self.endpoints.turn_of_all(until).await?;
        let all = match self.endpoints.fixed() {
            Some(all) => all,
            None => timeout_at(until, self.endpoints.all())
                .await
                .unwrap_or_else(|_| Err(self.nameless()))?,
        };
        let mut picked = self.endpoints.pick(&all, &[])?;
        let mut tried = Vec::new();
        loop {
            let attempt = Attempt::begin(&self.endpoints, &picked);
            // Not bound to a name of its own, which would make room for it twice in the future of every call.
            let within = timeout_at(
                until,
                self.exchange::<M>(&picked.endpoint, cx, key, until, args, tap.clone()),
            );
            let Ok(result) = within.await else {
                attempt.ran_out_of_time(bounds.timeout);
                return Err(self.timed_out::<M>(&picked.endpoint).into());
            };
            let failure = result.as_ref().err().and_then(|error| error.to_problem().err());
            match failure {
                Some(failure) if is_broken(failure) => attempt.failed(is_not_there(failure)),
                _ => attempt.answered(),
            }
            drop(attempt);
            if !failure.is_some_and(is_not_there) || tried.len() + 1 == MAX_TRIED.min(all.len()) {
                return result;
            }
            tried.push(picked.endpoint);
            match self.endpoints.pick(&all, &tried) {
                Ok(next) => picked = next,
                Err(_) => return result,
            }
        }
    }

    async fn exchange<M: Method<Api = A>>(
        &self,
        endpoint: &Endpoint,
        cx: &CallContext,
        key: Option<&str>,
        until: Instant,
        args: &ArgsOf<M>,
        tap: Option<Tap<M>>,
    ) -> Result<M::Answer, M::Error> {
        let mut request = self.request::<M>(endpoint, cx.module(), args)?;
        let timeout = until.saturating_duration_since(Instant::now());
        // The server stops a little earlier than we do, so that its own word about the call can still arrive.
        headers::write(
            cx,
            key,
            timeout - (timeout / 20).min(ANSWER_MARGIN),
            request.headers_mut(),
        );
        if let Some(tap) = tap {
            request.extensions_mut().insert(tap);
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
                    "the connection to {} at {} was lost during the answer: {error}",
                    A::NAME,
                    endpoint.url
                );
                return Err(CallFailure::new(FailureKind::ConnectionLost, M::SPEC.class.has_effect(), why).into());
            }
        };
        let result = response::decode::<M>(head.status, &body);
        if response::is_stranger::<M>(&result) {
            return Err(self.not_let_in(endpoint).into());
        }
        // A problem of the surface itself (no such token, wrong store) names what is wrong better than its header.
        if response::is_failure(&result)
            && head.headers.contains_key(headers::CONTRACT)
            && head.status != StatusCode::OK
        {
            return result;
        }
        self.check(
            endpoint,
            head.headers.get(headers::CONTRACT),
            M::SPEC.class.has_effect(),
        )?;
        result
    }

    fn request<M: Method<Api = A>>(
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
        let mut request = self.bare_request(uri, caller, body)?;
        *request.method_mut() = verb;
        request.headers_mut().insert(HOST, endpoint.host_header.clone());
        if M::SPEC.has_body {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }

    fn bare_request(
        &self,
        uri: String,
        caller: &'static str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallFailure> {
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() = Uri::from_maybe_shared(Bytes::from(uri)).map_err(|error| {
            let why = format!("a call of {} makes no address", A::NAME);
            CallFailure::not_executed(FailureKind::Internal, why).caused_by(error)
        })?;
        request.headers_mut().insert(AUTHORIZATION, self.tokens.header(caller));
        request.headers_mut().insert(headers::CONTRACT, self.meant_header());
        Ok(request)
    }

    /// What requests are meant for.
    fn meant(&self) -> Named {
        Named::of::<A>(self.store.get(), None)
    }

    /// The same as a header, written once per store.
    fn meant_header(&self) -> HeaderValue {
        if self.store.get().is_none() {
            return self.meant().header();
        }
        self.meant_header.get_or_init(|| self.meant().header()).clone()
    }

    /// Refuses an answer from another contract or another store than the one that is meant.
    fn check(
        &self,
        endpoint: &Endpoint,
        answered: Option<&HeaderValue>,
        may_have_executed: bool,
    ) -> Result<(), CallFailure> {
        let wrong = |who: String| {
            let why = format!("{} was called at {}, where {who} answers", self.meant(), endpoint.url);
            CallFailure::new(FailureKind::WrongContract, may_have_executed, why)
        };
        // The same server as ever says the same as ever.
        if answered.is_some() && answered == self.accepted.get() {
            return Ok(());
        }
        let named = answered
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<Named>().ok());
        let Some(server) = named else {
            return Err(wrong("something that is no contract surface".to_owned()));
        };
        if !self.meant().is_met_by(&server) {
            return Err(wrong(server.to_string()));
        }
        if let Some(store) = server.store
            && self.store.meet(store) != store
        {
            // Two first answers from two stores: the other one was first.
            return Err(wrong(server.to_string()));
        }
        if server.hash.as_ref().is_some_and(|hash| *hash != self.hash) {
            tracing::debug!(
                contract = A::NAME,
                "the server has another minor version of the contract"
            );
        }
        if let Some(answered) = answered {
            let _ = self.accepted.set(answered.clone());
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
                self.bare_request(uri.clone(), IDENTIFYING, Bytes::new())?,
            )
            .await?;
        let (head, body) = response.into_parts();
        let unreadable = |why: String| CallFailure::not_executed(FailureKind::BadAnswer, why);
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body
            .map_err(|error| unreadable(format!("the answer of {uri} ended early: {error}")))?
            .to_bytes();
        if head.status == StatusCode::OK {
            self.check(endpoint, head.headers.get(headers::CONTRACT), false)?;
            return serde_json::from_slice(&body)
                .map_err(|error| unreadable(format!("{uri} answers no identity: {error}")));
        }
        if head.status == StatusCode::UNAUTHORIZED {
            return Err(self.not_let_in(endpoint));
        }
        match serde_json::from_slice::<offshoot_contract::Problem>(&body) {
            Ok(problem) => Err(problem.into()),
            Err(_) => {
                self.check(endpoint, head.headers.get(headers::CONTRACT), false)?;
                Err(unreadable(format!("{uri} answers HTTP {}", head.status.as_u16())))
            }
        }
    }

    /// Nobody who called us can do anything about it, so it is no refusal of theirs.
    fn not_let_in(&self, endpoint: &Endpoint) -> CallFailure {
        let why = format!(
            "{} at {} does not take this process's service token: both have to read the same service keys, and their clocks to agree within a minute",
            A::NAME,
            endpoint.url
        );
        CallFailure::not_executed(FailureKind::WrongContract, why)
    }

    fn timed_out<M: Method>(&self, endpoint: &Endpoint) -> CallFailure {
        let why = format!(
            "{}.{} did not answer in time at {}",
            A::NAME,
            M::SPEC.name,
            endpoint.url
        );
        CallFailure::new(FailureKind::Timeout, M::SPEC.class.has_effect(), why)
    }
}

/// Whether a failure says that the process, or the way to it, is broken. What its caller did wrong says nothing, nor
/// what befell the modules that it calls in turn.
fn is_broken(failure: &CallFailure) -> bool {
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

/// Whether a failure says that nobody was there to take the call, so that another one may be asked at once.
fn is_not_there(failure: &CallFailure) -> bool {
    *failure.kind() == FailureKind::Unavailable && !failure.may_have_executed()
}

impl<A: Contract + ?Sized> Invoke<A> for Client<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        self.call::<M>(cx, &args, None).await
    }
}
