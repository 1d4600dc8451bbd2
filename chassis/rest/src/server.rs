//! Server side of a contract: axum routes that admit calls, read requests, and pass each call to its method.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use offshoot_contract::{CallFailure, FailureKind, MethodSpec, Placement, Span, SpanAttributes, TraceContext, Verb};
use offshoot_listener::{BodyError, receive_body};
use tokio::time::{Instant, timeout_at};

use crate::admission::Admission;
use crate::headers;
use crate::limits::BODY_TIMEOUT;
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
        .method_not_allowed_fallback(async move |request: Request| admission.refuse_verb(&request))
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
    let call = match received {
        Ok(call) => call,
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

/// Admits the caller and reads the call. Failures are always "not executed". The call takes its permit when it has arrived,
/// and keeps the permit until it has ended, even if the caller goes away.
async fn receive(
    spec: &'static MethodSpec,
    admission: &Admission,
    request: Request,
    trace: TraceContext,
) -> Result<ReceivedCall, CallFailure> {
    let (mut parts, body) = request.into_parts();
    let caller = admission.admit_call(&parts.headers)?;
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let path = path.map_err(|rejection| bad_request(&rejection.to_string()))?;
    let (cx, key) = headers::read(&parts.headers, trace)?;
    let cx = cx.for_remote_callee(caller.as_ref().to_owned(), spec);
    let body = if spec.has_body {
        let deadline = cx.deadline().min(Instant::now() + BODY_TIMEOUT);
        let body = timeout_at(deadline, receive_body(&parts.headers, body, spec.max_bytes)).await;
        body.map_err(|_| slow_body())?
            .map_err(|error| body_failure(spec, error))?
    } else {
        Bytes::new()
    };
    let permit = admission.acquire_permit(&cx)?;
    Ok(ReceivedCall {
        cx: cx.holding(Arc::new(permit)),
        trace,
        key,
        uri: parts.uri,
        path,
        body,
        recorder: parts.extensions.remove::<CallRecorder>(),
    })
}

fn body_failure(spec: &MethodSpec, error: BodyError) -> CallFailure {
    match error {
        BodyError::TooLarge { limit } => {
            let why = format!(
                "the arguments of {}.{} are larger than {limit} bytes",
                spec.module, spec.name
            );
            CallFailure::refused(413, "too-large", why)
        }
        BodyError::Encoded => CallFailure::refused(415, "encoded-body", error.to_string()),
        BodyError::Incomplete => bad_request(&error.to_string()),
    }
}

fn slow_body() -> CallFailure {
    CallFailure::not_executed(FailureKind::Timeout, "the body of the request did not arrive in time")
}

fn bad_request(why: &str) -> CallFailure {
    CallFailure::refused(400, "bad-request", why)
}
