//! Middleware for every request: strips headers that only services may send, sheds load, and gives each request a trace
//! id.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue};
use tokio::sync::Semaphore;

use offshoot_contract::{CallFailure, FailureKind, Placement, PublicProblem, Span, SpanAttributes, TraceContext};

use super::refusal::{self, Refusal};

/// Prefix of headers that only services send.
const INTERNAL_PREFIX: &str = "offshoot-";
const TRACEPARENT: &str = "traceparent";
const TRACE_ID: HeaderName = HeaderName::from_static("offshoot-trace-id");

/// Refuses requests above the limit before reading them.
pub(super) async fn shed(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_place) = places.try_acquire() else {
        let retry_after = PublicProblem::RETRY_AFTER;
        let why = "the limit of concurrent requests is reached";
        let failure = CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why);
        return Refusal::from_failure(&failure).into_response();
    };
    next.run(request).await
}

/// Strips internal headers, and adds the trace id to request and response. `traced` is the share of traced requests.
pub(super) async fn enter(State(traced): State<f64>, mut request: Request, next: Next) -> Response {
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
    let mut trace = trace.sampled_at(traced);
    let span = Span::begin(&mut trace).map(|span| (span, operation(&request)));
    request.extensions_mut().insert(trace);

    let mut response = refusal::render(next.run(request).await, &trace);
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

/// Name of the operation in traces: verb and path template, without values.
fn operation(request: &Request) -> String {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    format!("{} {path}", request.method())
}
