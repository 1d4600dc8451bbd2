//! HTTP headers that carry the call context. A server trusts the headers only with a valid service token.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use offshoot_contract::{CallContext, TraceContext};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Remaining milliseconds rather than a point in time: clocks may differ.
const DEADLINE: HeaderName = HeaderName::from_static("offshoot-deadline-ms");
const REPEATS_LEFT: HeaderName = HeaderName::from_static("offshoot-repeats-left");
const PRINCIPAL: HeaderName = HeaderName::from_static("offshoot-principal");
const TENANT: HeaderName = HeaderName::from_static("offshoot-tenant");
/// Contract, major version and store: on a request the addressed ones, on a response the answering ones.
pub(crate) const CONTRACT: HeaderName = HeaderName::from_static("offshoot-contract");

/// Bytes that a header value cannot hold, and `%` itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b' ');

/// Writes the headers of a call made under `cx`. `key`: the call's idempotency key. `timeout`: the remaining time.
pub(crate) fn write(cx: &CallContext, key: Option<&str>, timeout: Duration, headers: &mut HeaderMap) {
    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    headers.insert(DEADLINE, HeaderValue::from(millis));
    // A missing header stands for the full budget of a request.
    if cx.retries_left() < CallContext::RETRIES_PER_REQUEST {
        headers.insert(REPEATS_LEFT, HeaderValue::from(cx.retries_left()));
    }
    if let Ok(trace) = HeaderValue::from_bytes(&cx.trace().traceparent()) {
        headers.insert(TRACEPARENT, trace);
    }
    let mut text = |name: HeaderName, value: &str| {
        let escaped = Cow::from(utf8_percent_encode(value, ESCAPED));
        if let Ok(value) = HeaderValue::from_str(&escaped) {
            headers.insert(name, value);
        }
    };
    for (name, value) in [
        (IDEMPOTENCY_KEY, key),
        (PRINCIPAL, cx.principal().map(|it| &**it)),
        (TENANT, cx.tenant().map(|it| &**it)),
    ] {
        if let Some(value) = value {
            text(name, value);
        }
    }
}

/// The trace that a request continues, else a new trace.
pub(crate) fn read_trace(headers: &HeaderMap) -> TraceContext {
    let header = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    header
        .and_then(TraceContext::parse)
        .unwrap_or_else(TraceContext::random)
}

/// The call context from a request's headers, before the method is known, and the call's idempotency key.
pub(crate) fn read(headers: &HeaderMap, trace: TraceContext) -> (CallContext, Option<Arc<str>>) {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let decoded = |name| text(name).map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned());
    let mut cx = CallContext::root("remote")
        .with_trace(trace)
        .with_principal(decoded(PRINCIPAL).map(Into::into))
        .with_tenant(decoded(TENANT).map(Into::into));
    if let Some(millis) = text(DEADLINE).and_then(|value| value.parse().ok()) {
        cx = cx.with_timeout(Duration::from_millis(millis));
    }
    if let Some(repeats) = text(REPEATS_LEFT).and_then(|value| value.parse().ok()) {
        cx = cx.with_retries_left(repeats);
    }
    (cx, decoded(IDEMPOTENCY_KEY).map(Into::into))
}
