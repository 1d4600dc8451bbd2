//! Server side of a contract: axum routes that pass each call to the module's edge.

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
    ArgsOf, CallContext, CallFailure, Contract, Edge, FailureKind, IdempotencyKey, Method, MethodVisitor, Placement,
    Span, SpanAttributes, TraceContext, Verb, outcome_label,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::admission::Admission;
use crate::recorder::CallRecorder;
use crate::{headers, request, response};

/// The routes of one version's methods.
pub(crate) fn routes<A: Contract + ?Sized>(edge: Arc<Edge<A>>, admission: Arc<Admission>) -> Router {
    // Full paths instead of a nested router: nesting would cost one more route lookup per call.
    let mut routes = Routes {
        root: format!("/modules/{}/v{}", A::NAME, A::VERSION.major),
        router: Router::new(),
    };
    A::visit_methods(&mut routes);
    routes
        .router
        .method_not_allowed_fallback(method_not_allowed::<A>)
        .with_state(Arc::new(Server { edge, admission }))
}

/// Handler of a method that the chassis answers instead of the module's implementation.
pub(crate) type ChassisHandler<M> = Arc<
    dyn Fn(CallContext, ArgsOf<M>) -> BoxFuture<'static, Result<<M as Method>::Answer, <M as Method>::Error>>
        + Send
        + Sync,
>;

/// The route of one chassis method, with the same admission as the contract's methods.
pub(crate) fn chassis_route<M: Method>(admission: Arc<Admission>, handler: ChassisHandler<M>) -> Router {
    let path = format!("/modules/{}/v{}{}", M::SPEC.module, M::SPEC.major, M::SPEC.path);
    let serve = move |request: Request| {
        let (admission, handler) = (Arc::clone(&admission), Arc::clone(&handler));
        async move {
            let (mut parts, body) = request.into_parts();
            let trace = headers::read_trace(&parts.headers);
            match receive_call::<M>(&admission, &mut parts, body, trace).await {
                Ok((cx, args, _permit)) => {
                    let result = handler(cx, args).await;
                    admission.add_identity_header(response::encode::<M>(&result, &trace).map(Body::new))
                }
                Err(failure) => admission.refuse(&failure, &trace),
            }
        }
    };
    Router::new().route(&path, on(method_filter(M::SPEC.verb), serve))
}

fn method_filter(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Put => MethodFilter::PUT,
        Verb::Post => MethodFilter::POST,
        Verb::Delete => MethodFilter::DELETE,
    }
}

struct Server<A: ?Sized> {
    edge: Arc<Edge<A>>,
    admission: Arc<Admission>,
}

struct Routes<A: ?Sized> {
    root: String,
    router: Router<Arc<Server<A>>>,
}

impl<A: Contract + ?Sized> MethodVisitor<A> for Routes<A> {
    fn visit_method<M: Method<Api = A>>(&mut self) {
        let filter = method_filter(M::SPEC.verb);
        let path = format!("{}{}", self.root, M::SPEC.path);
        self.router = std::mem::take(&mut self.router).route(&path, on(filter, serve::<M>));
    }
}

async fn serve<M: Method>(State(server): State<Arc<Server<M::Api>>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut trace = headers::read_trace(&parts.headers);
    let span = Span::begin(&mut trace);
    let (cx, args, _permit) = match receive_call::<M>(&server.admission, &mut parts, body, trace).await {
        Ok(received) => received,
        Err(failure) => return server.admission.refuse(&failure, &trace),
    };
    let recorder = parts
        .extensions
        .remove::<CallRecorder<M>>()
        .map(|recorder| (recorder, args.clone()));
    let caller = span.is_some().then(|| cx.caller().to_owned());
    let result = server.edge.execute::<M>(cx, args).await;
    if let (Some(span), Some(caller)) = (span, caller) {
        span.end(SpanAttributes {
            kind: "server",
            caller: &caller,
            callee: M::SPEC.module,
            method: M::SPEC.name,
            placement: Placement::Local.as_str(),
            outcome: outcome_label::<M>(&result),
        });
    }
    if let Some((recorder, args)) = recorder {
        recorder.record(args, result.clone());
    }
    server
        .admission
        .add_identity_header(response::encode::<M>(&result, &trace).map(Body::new))
}

/// Admits the caller and decodes the call. Failures are always "not executed". The deadline covers reading the body.
async fn receive_call<M: Method>(
    admission: &Admission,
    parts: &mut Parts,
    body: Body,
    trace: TraceContext,
) -> Result<(CallContext, ArgsOf<M>, OwnedSemaphorePermit), CallFailure> {
    let caller = admission.admit_call(&parts.headers)?;
    let permit = admission.acquire_permit()?;
    let path = RawPathParams::from_request_parts(parts, &()).await;
    let path = path.map_err(|rejection| bad_request(&rejection.to_string()))?;
    let (cx, key) = headers::read(&parts.headers, trace);
    let cx = cx.for_remote_callee(caller.as_ref().to_owned(), M::spec());
    let body = tokio::time::timeout_at(cx.deadline(), read_body::<M>(&parts.headers, body)).await;
    let body = body.map_err(|_| {
        CallFailure::not_executed(
            FailureKind::Timeout,
            "the deadline passed before the whole request had arrived",
        )
    })??;
    let args = request::decode::<M>(&parts.uri, &path, &body).map_err(|bad| bad_request(&bad.to_string()))?;
    let own = key.map(|key| IdempotencyKey::new::<M>(key, &args)).transpose()?;
    Ok((cx.with_idempotency_key(own), args, permit))
}

async fn method_not_allowed<A: Contract + ?Sized>(State(server): State<Arc<Server<A>>>, request: Request) -> Response {
    server.admission.refuse_unknown_route(&request)
}

/// Reads the body up to the method's limit. A larger `Content-Length` is refused before the body is read.
async fn read_body<M: Method>(headers: &HeaderMap, body: Body) -> Result<Bytes, CallFailure> {
    if !M::SPEC.has_body {
        return Ok(Bytes::new());
    }
    let too_large = || {
        let why = format!(
            "the arguments of {}.{} are larger than {} bytes",
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
