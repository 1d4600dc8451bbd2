//! The axum router that serves a contract.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use offshoot_contract::{
    CallFailure, Contract, Edge, FailureKind, Method, MethodVisitor, OwnKey, TraceContext, Verb, describe,
};
use uuid::Uuid;

use crate::encoded::Tap;
use crate::identity::{Identity, Named};
use crate::token::ServiceToken;
use crate::{headers, request, response};

/// As whom a contract is served, and to whom.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The module's database.
    pub store_id: Uuid,
    /// This process.
    pub instance: Uuid,
    /// What callers have to present.
    pub token: ServiceToken,
}

/// The routes of contract `A`, below `/modules/<name>`.
pub fn router<A: Contract + ?Sized>(edge: Arc<Edge<A>>, options: ServerOptions) -> Router {
    let hash = describe::<A>().hash;
    let named = Named::of::<A>(Some(options.store_id), Some(hash.clone()));
    let identity = Identity {
        name: A::NAME.to_owned(),
        versions: vec![A::VERSION.to_string()],
        hash,
        store_id: options.store_id,
        instance: options.instance,
    };
    let server = Arc::new(Server {
        edge,
        header: named.header(),
        header_for_strangers: Named::of::<A>(None, None).header(),
        named,
        identity,
        token: options.token,
    });
    let mut routes = Routes { router: Router::new() };
    A::visit_methods(&mut routes);
    let root = format!("/modules/{}", A::NAME);
    Router::new()
        .nest(
            &format!("{root}/v{}", A::VERSION.major),
            routes.router.method_not_allowed_fallback(unknown::<A>),
        )
        .route(&format!("{root}/contract"), on(MethodFilter::GET, identify::<A>))
        .route(&format!("{root}/{{*rest}}"), axum::routing::any(unknown::<A>))
        .with_state(server)
}

struct Server<A: ?Sized> {
    edge: Arc<Edge<A>>,
    named: Named,
    header: HeaderValue,
    header_for_strangers: HeaderValue,
    identity: Identity,
    token: ServiceToken,
}

struct Routes<A: ?Sized> {
    router: Router<Arc<Server<A>>>,
}

impl<A: Contract + ?Sized> MethodVisitor<A> for Routes<A> {
    fn method<M: Method<Api = A>>(&mut self) {
        let filter = match M::SPEC.verb {
            Verb::Get => MethodFilter::GET,
            Verb::Put => MethodFilter::PUT,
            Verb::Post => MethodFilter::POST,
            Verb::Delete => MethodFilter::DELETE,
        };
        self.router = std::mem::take(&mut self.router).route(M::SPEC.path, on(filter, serve::<M>));
    }
}

async fn serve<M: Method>(State(server): State<Arc<Server<M::Api>>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let trace = headers::read_trace(&parts.headers);
    let refused = |failure: CallFailure| server.sign(response::failure(&failure, &trace).map(Body::new));
    if let Err(failure) = server.admit(&parts.headers) {
        return refused(failure);
    }
    let path = match RawPathParams::from_request_parts(&mut parts, &()).await {
        Ok(path) => path,
        Err(rejection) => return refused(bad_request(&rejection.to_string())),
    };
    let body = match read_body::<M>(&parts.headers, body).await {
        Ok(body) => body,
        Err(failure) => return refused(failure),
    };
    let args = match request::decode::<M>(&parts.uri, &path, &body) {
        Ok(args) => args,
        Err(bad) => return refused(bad_request(&bad.to_string())),
    };
    let (cx, caller, key) = headers::read(&parts.headers, trace);
    let own = match key.map(|key| OwnKey::new::<M>(key, &args)).transpose() {
        Ok(own) => own,
        Err(failure) => return refused(failure),
    };
    let tapped = parts.extensions.remove::<Tap<M>>().map(|tap| (tap, args.clone()));
    let result = server
        .edge
        .execute::<M>(cx.received(caller, M::spec(), own), args)
        .await;
    if let Some((tap, args)) = tapped {
        tap.put(args, result.clone());
    }
    server.sign(response::encode::<M>(&result, &trace).map(Body::new))
}

async fn identify<A: Contract + ?Sized>(State(server): State<Arc<Server<A>>>, headers: HeaderMap) -> Response {
    match server.admit(&headers) {
        Ok(()) => server.sign(axum::Json(&server.identity).into_response()),
        Err(failure) => server.sign(response::failure(&failure, &TraceContext::random()).map(Body::new)),
    }
}

/// A path or a verb that no method of this version has.
async fn unknown<A: Contract + ?Sized>(State(server): State<Arc<Server<A>>>, request: Request) -> Response {
    let failure = server.admit(request.headers()).err().unwrap_or_else(|| {
        let why = format!(
            "{} {} is no method of {}",
            request.method(),
            request.uri().path(),
            server.named
        );
        CallFailure::not_executed(FailureKind::WrongContract, why)
    });
    server.sign(response::failure(&failure, &headers::read_trace(request.headers())).map(Body::new))
}

impl<A: Contract + ?Sized> Server<A> {
    /// Whether the caller may call at all, and means this contract and this store.
    fn admit(&self, headers: &HeaderMap) -> Result<(), CallFailure> {
        if !self.token.admits(headers.get(AUTHORIZATION)) {
            let why = format!("{} is called with a service token that opens it", A::NAME);
            return Err(CallFailure::refused(401, "unauthenticated", why));
        }
        let meant = headers.get(headers::CONTRACT).and_then(|value| value.to_str().ok());
        match meant.map(str::parse::<Named>) {
            // People with a terminal may leave it out.
            None => Ok(()),
            Some(Ok(meant)) if meant.is_met_by(&self.named) => Ok(()),
            Some(_) => {
                let why = format!("{} was called where {} answers", meant.unwrap_or("nothing"), self.named);
                Err(CallFailure::not_executed(FailureKind::WrongContract, why))
            }
        }
    }

    /// Every response says who answered; only those who may call learn which store.
    fn sign(&self, mut response: Response) -> Response {
        let known = response.status() != StatusCode::UNAUTHORIZED;
        let header = if known {
            &self.header
        } else {
            &self.header_for_strangers
        };
        response.headers_mut().insert(headers::CONTRACT, header.clone());
        response
    }
}

/// Reads the body within the method's bound; what says to be larger is not read at all.
async fn read_body<M: Method>(headers: &HeaderMap, body: Body) -> Result<Bytes, CallFailure> {
    if !M::SPEC.has_body {
        return Ok(Bytes::new());
    }
    let too_large = || {
        let why = format!(
            "{}.{} takes at most {} bytes",
            M::SPEC.module,
            M::SPEC.name,
            M::SPEC.max_bytes
        );
        CallFailure::refused(413, "too-large", why)
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > M::SPEC.max_bytes) {
        return Err(too_large());
    }
    match Limited::new(body, M::SPEC.max_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(bad_request(&format!("the body ended early: {error}"))),
    }
}

fn bad_request(why: &str) -> CallFailure {
    CallFailure::refused(400, "bad-request", why)
}
