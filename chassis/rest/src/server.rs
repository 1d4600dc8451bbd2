//! Server side of a contract: axum routes that admit calls, read requests, and pass each call to its method.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use offshoot_contract::{CallFailure, FailureKind, MethodSpec, Placement, Span, SpanAttributes, TraceContext, Verb};
use tokio::sync::OwnedSemaphorePermit;

use crate::admission::Admission;
use crate::headers;
use crate::recorder::CallRecorder;
use crate::served_method::{ReceivedCall, ServedMethod};

/// The routes of methods below `root`. Full paths instead of a nested router: nesting would cost one more route lookup
/// per call.
pub(crate) fn routes(root: &str, methods: Vec<Arc<dyn ServedMethod>>, admission: &Arc<Admission>) -> Router {
    let route = |router: Router, method: Arc<dyn ServedMethod>| {
        let spec = method.spec();
        let admission = Arc::clone(admission);
        let handler = move |request| serve(Arc::clone(&method), Arc::clone(&admission), request);
        router.route(&format!("{root}{}", spec.path), on(method_filter(spec.verb), handler))
    };
    let admission = Arc::clone(admission);
    methods
        .into_iter()
        .fold(Router::new(), route)
        .method_not_allowed_fallback(async move |request: Request| admission.refuse_unknown_route(&request))
}

fn method_filter(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Put => MethodFilter::PUT,
        Verb::Post => MethodFilter::POST,
        Verb::Delete => MethodFilter::DELETE,
    }
}

async fn serve(method: Arc<dyn ServedMethod>, admission: Arc<Admission>, request: Request) -> Response {
    let mut trace = headers::read_trace(request.headers());
    let span = Span::begin(&mut trace);
    let received = receive(method.spec(), &admission, request, trace).await;
    let (call, _permit) = match received {
        Ok(received) => received,
        Err(failure) => return admission.refuse(&failure, &trace),
    };
    let caller = span.is_some().then(|| call.cx.caller().to_owned());
    let served = match method.serve(call).await {
        Ok(served) => served,
        Err(failure) => return admission.refuse(&failure, &trace),
    };
    if let (Some(span), Some(caller)) = (span, caller) {
        span.end(SpanAttributes {
            kind: "server",
            caller: &caller,
            callee: method.spec().module,
            method: method.spec().name,
            placement: Placement::Local.as_str(),
            outcome: served.outcome.as_str(),
        });
    }
    admission.add_identity_header(served.response.map(Body::new))
}

/// Admits the caller and reads the call. Failures are always "not executed". The deadline covers reading the body.
async fn receive(
    spec: &'static MethodSpec,
    admission: &Admission,
    request: Request,
    trace: TraceContext,
) -> Result<(ReceivedCall, OwnedSemaphorePermit), CallFailure> {
    let (mut parts, body) = request.into_parts();
    let caller = admission.admit_call(&parts.headers)?;
    let permit = admission.acquire_permit()?;
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let path = path.map_err(|rejection| bad_request(&rejection.to_string()))?;
    let (cx, key) = headers::read(&parts.headers, trace);
    let cx = cx.for_remote_callee(caller.as_ref().to_owned(), spec);
    let body = tokio::time::timeout_at(cx.deadline(), read_body(spec, &parts.headers, body)).await;
    let body = body.map_err(|_| {
        CallFailure::not_executed(
            FailureKind::Timeout,
            "the deadline passed before the whole request had arrived",
        )
    })??;
    let call = ReceivedCall {
        cx,
        trace,
        key,
        uri: parts.uri,
        path,
        body,
        recorder: parts.extensions.remove::<CallRecorder>(),
    };
    Ok((call, permit))
}

/// Reads the body up to the method's limit. A larger `Content-Length` is refused before the body is read.
async fn read_body(spec: &MethodSpec, headers: &HeaderMap, body: Body) -> Result<Bytes, CallFailure> {
    if !spec.has_body {
        return Ok(Bytes::new());
    }
    let too_large = || {
        let why = format!(
            "the arguments of {}.{} are larger than {} bytes",
            spec.module, spec.name, spec.max_bytes
        );
        CallFailure::refused(413, "too-large", why)
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > spec.max_bytes) {
        return Err(too_large());
    }
    match Limited::new(body, spec.max_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(bad_request(&format!("the body ended early: {error}"))),
    }
}

fn bad_request(why: &str) -> CallFailure {
    CallFailure::refused(400, "bad-request", why)
}
