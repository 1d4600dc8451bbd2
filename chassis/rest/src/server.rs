//! The server's side of a call: from a request to the module's edge, and back.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, Contract, Edge, FailureKind, Method, MethodVisitor, OwnKey, Placement, Span,
    SpanSubject, TraceContext, Verb, outcome_of,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::door::Door;
use crate::tap::Tap;
use crate::{headers, request, response};

/// The routes of one version, for callers that its door admits.
pub(crate) fn routes<A: Contract + ?Sized>(edge: Arc<Edge<A>>, door: Arc<Door>) -> Router {
    // Each with its whole path: a router within a router would be asked too, at every call.
    let mut routes = Routes {
        root: format!("/modules/{}/v{}", A::NAME, A::VERSION.major),
        router: Router::new(),
    };
    A::visit_methods(&mut routes);
    routes
        .router
        .method_not_allowed_fallback(wrong_verb::<A>)
        .with_state(Arc::new(Server { edge, door }))
}

/// What answers a method that is not the contract's own.
pub(crate) type Answering<M> = Arc<
    dyn Fn(CallContext, ArgsOf<M>) -> BoxFuture<'static, Result<<M as Method>::Answer, <M as Method>::Error>>
        + Send
        + Sync,
>;

/// The route of one method that is answered beside the implementation, for the same callers.
pub(crate) fn route_beside<M: Method>(door: Arc<Door>, answering: Answering<M>) -> Router {
    let path = format!("/modules/{}/v{}{}", M::SPEC.module, M::SPEC.major, M::SPEC.path);
    let serve = move |request: Request| {
        let (door, answering) = (Arc::clone(&door), Arc::clone(&answering));
        async move {
            let (mut parts, body) = request.into_parts();
            let trace = headers::read_trace(&parts.headers);
            match receive::<M>(&door, &mut parts, body, trace).await {
                Ok((cx, args, _place)) => {
                    let result = answering(cx, args).await;
                    door.sign(response::encode::<M>(&result, &trace).map(Body::new))
                }
                Err(failure) => door.refuse(&failure, &trace),
            }
        }
    };
    Router::new().route(&path, on(filter_of(M::SPEC.verb), serve))
}

fn filter_of(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Put => MethodFilter::PUT,
        Verb::Post => MethodFilter::POST,
        Verb::Delete => MethodFilter::DELETE,
    }
}

struct Server<A: ?Sized> {
    edge: Arc<Edge<A>>,
    door: Arc<Door>,
}

struct Routes<A: ?Sized> {
    root: String,
    router: Router<Arc<Server<A>>>,
}

impl<A: Contract + ?Sized> MethodVisitor<A> for Routes<A> {
    fn method<M: Method<Api = A>>(&mut self) {
        let filter = filter_of(M::SPEC.verb);
        let path = format!("{}{}", self.root, M::SPEC.path);
        self.router = std::mem::take(&mut self.router).route(&path, on(filter, serve::<M>));
    }
}

async fn serve<M: Method>(State(server): State<Arc<Server<M::Api>>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut trace = headers::read_trace(&parts.headers);
    let span = Span::begin(&mut trace);
    let (cx, args, _place) = match receive::<M>(&server.door, &mut parts, body, trace).await {
        Ok(received) => received,
        Err(failure) => return server.door.refuse(&failure, &trace),
    };
    let tapped = parts.extensions.remove::<Tap<M>>().map(|tap| (tap, args.clone()));
    let caller = span.is_some().then(|| cx.caller().to_owned());
    let result = server.edge.execute::<M>(cx, args).await;
    if let (Some(span), Some(caller)) = (span, caller) {
        span.end(SpanSubject {
            kind: "server",
            caller: &caller,
            callee: M::SPEC.module,
            method: M::SPEC.name,
            placement: Placement::Local.as_str(),
            outcome: outcome_of::<M>(&result),
        });
    }
    if let Some((tap, args)) = tapped {
        tap.put(args, result.clone());
    }
    server.door.sign(response::encode::<M>(&result, &trace).map(Body::new))
}

/// Admits the caller and reads its call; none of it has been executed. The deadline runs from the first byte.
async fn receive<M: Method>(
    door: &Door,
    parts: &mut Parts,
    body: Body,
    trace: TraceContext,
) -> Result<(CallContext, ArgsOf<M>, OwnedSemaphorePermit), CallFailure> {
    let caller = door.admit_call(&parts.headers)?;
    let place = door.place()?;
    let path = RawPathParams::from_request_parts(parts, &()).await;
    let path = path.map_err(|rejection| bad_request(&rejection.to_string()))?;
    let (cx, key) = headers::read(&parts.headers, trace);
    let cx = cx.received(caller.as_ref().to_owned(), M::spec());
    let body = tokio::time::timeout_at(cx.deadline(), read_body::<M>(&parts.headers, body)).await;
    let body = body.map_err(|_| {
        CallFailure::not_executed(
            FailureKind::Timeout,
            "the deadline passed before the whole call had come",
        )
    })??;
    let args = request::decode::<M>(&parts.uri, &path, &body).map_err(|bad| bad_request(&bad.to_string()))?;
    let own = key.map(|key| OwnKey::new::<M>(key, &args)).transpose()?;
    Ok((cx.under_key(own), args, place))
}

async fn wrong_verb<A: Contract + ?Sized>(State(server): State<Arc<Server<A>>>, request: Request) -> Response {
    server.door.refuse_stranger(&request)
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
