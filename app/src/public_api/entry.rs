//! What every request passes on its way in and out: nobody outside speaks for a module, and each request can be found
//! again by its trace id.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};

use offshoot_contract::TraceContext;

use super::refusal;

/// Headers that only services may send each other begin so.
const INTERNAL_PREFIX: &str = "offshoot-";
const TRACEPARENT: &str = "traceparent";
const TRACE_ID: HeaderName = HeaderName::from_static("offshoot-trace-id");

pub(super) async fn enter(mut request: Request, next: Next) -> Response {
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
    request.extensions_mut().insert(trace);

    let mut response = refusal::render(next.run(request).await, &trace);
    if let Ok(id) = HeaderValue::from_str(&trace.id()) {
        response.headers_mut().insert(TRACE_ID, id);
    }
    response
}
