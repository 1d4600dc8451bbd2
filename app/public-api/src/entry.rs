//! Middleware for every request: strips headers that only services may send, receives the body, sheds load, and gives each
//! request a trace id.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use offshoot_contract::{CallFailure, FailureKind, Placement, PublicProblem, Span, SpanAttributes, TraceContext};
use offshoot_listener::{BodyBudget, BodyError, receive_body_within};

use super::Authenticate;
use super::audience::ORDER_TOKEN;
use super::problems::{BAD_IDEMPOTENCY_KEY, BODY_TOO_LARGE, INCOMPLETE_BODY, NOT_JSON, REPEATED_HEADER, SLOW_BODY};
use super::refusal::{self, Refusal};
use super::request::{ARRIVING_BODIES_BYTES, Admitted, IDEMPOTENCY_KEY, MAX_BODY_BYTES, REQUEST_DEADLINE};

/// Prefix of headers that only services send.
const INTERNAL_PREFIX: &str = "offshoot-";
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_ID: HeaderName = HeaderName::from_static("offshoot-trace-id");

/// The headers of which an operation reads one value.
static SINGLE_VALUED: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    IDEMPOTENCY_KEY,
    ORDER_TOKEN,
    TRACEPARENT,
];

/// Limits of requests that are arriving, and of those in flight.
#[derive(Clone)]
pub(super) struct Limits {
    places: Arc<Semaphore>,
    bodies: BodyBudget,
}

impl Limits {
    pub(super) fn new(in_flight: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(in_flight)),
            bodies: BodyBudget::new(ARRIVING_BODIES_BYTES),
        }
    }
}

/// Receives the body, and then admits the request if the limit on requests in flight allows so: a request that arrives
/// slowly keeps no other one out.
pub(super) async fn admit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let received = receive_body_within(&limits.bodies, &parts.headers, body, MAX_BODY_BYTES);
    let body = match timeout(REQUEST_DEADLINE, received).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return body_refusal(error).into_response(),
        Err(_) => return Refusal::new(SLOW_BODY, "the body did not arrive in time").into_response(),
    };
    let Ok(place) = limits.places.try_acquire_owned() else {
        let retry_after = PublicProblem::RETRY_AFTER;
        let why = "the limit of concurrent requests is reached";
        let failure = CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why);
        return Refusal::from_failure(&failure).into_response();
    };
    parts.extensions.insert(Admitted(Arc::new(place)));
    next.run(Request::from_parts(parts, body.into())).await
}

fn body_refusal(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge { .. } => Refusal::new(BODY_TOO_LARGE, error.to_string()),
        BodyError::Encoded => Refusal::new(NOT_JSON, error.to_string()),
        BodyError::Incomplete => Refusal::new(INCOMPLETE_BODY, error.to_string()),
    }
}

/// Which requests are traced.
#[derive(Clone)]
pub(super) struct Traced {
    /// Share of traced requests, 0 to 1.
    pub(super) share: f64,
    /// Whoever may have a request traced by a sampled `traceparent`. Anyone else would fill the collector.
    pub(super) by: Option<Arc<Authenticate>>,
}

/// Strips internal headers, and adds the trace id to request and response.
pub(super) async fn enter(State(traced): State<Traced>, mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let internal: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(INTERNAL_PREFIX))
        .cloned()
        .collect();
    for name in internal {
        headers.remove(name);
    }
    let given = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    let trace = given.and_then(TraceContext::parse).unwrap_or_else(TraceContext::random);
    let is_asked_for = trace.is_sampled() && traced.by.as_ref().is_some_and(|operator| operator(headers).is_some());
    let mut trace = if is_asked_for {
        trace
    } else {
        trace.sampled_at(traced.share)
    };
    let span = Span::begin(&mut trace).map(|span| (span, operation(&request)));
    request.extensions_mut().insert(trace);

    let response = match repeated_header(request.headers()) {
        Some(name) if *name == IDEMPOTENCY_KEY => Refusal::repeated_header(name, BAD_IDEMPOTENCY_KEY).into_response(),
        Some(name) => Refusal::repeated_header(name, REPEATED_HEADER).into_response(),
        None => next.run(request).await,
    };
    let mut response = refusal::render(response, &trace);
    if let Some((span, operation)) = span {
        span.end(SpanAttributes {
            kind: "server",
            caller: "",
            callee: "public",
            method: &operation,
            placement: Placement::Local.as_str(),
            outcome: match response.status().as_u16() {
                0..400 => "ok",
                400..500 => "refused",
                _ => "internal",
            },
        });
    }
    if let Ok(id) = HeaderValue::from_str(&trace.id()) {
        response.headers_mut().insert(TRACE_ID, id);
    }
    response
}

/// A header that a request has twice and of which the server reads one.
fn repeated_header(headers: &HeaderMap) -> Option<&'static HeaderName> {
    // Almost no request repeats a header: then this only compares two numbers.
    if headers.len() == headers.keys_len() {
        return None;
    }
    let is_repeated = |name: &&HeaderName| headers.get_all(*name).iter().nth(1).is_some();
    SINGLE_VALUED.iter().find(is_repeated)
}

/// Name of the operation in traces: verb and path template, without values.
fn operation(request: &Request) -> String {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    format!("{} {path}", request.method())
}
