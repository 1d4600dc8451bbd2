//! The call context as headers. They are believed only behind a service token.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use offshoot_contract::{CallContext, TraceContext};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Milliseconds left, so that clocks need not agree.
const DEADLINE: HeaderName = HeaderName::from_static("offshoot-deadline-ms");
const REPEATS_LEFT: HeaderName = HeaderName::from_static("offshoot-repeats-left");
const PRINCIPAL: HeaderName = HeaderName::from_static("offshoot-principal");
const TENANT: HeaderName = HeaderName::from_static("offshoot-tenant");
/// On a request: which contract, major version and store are meant. On a response: which answered.
pub(crate) const CONTRACT: HeaderName = HeaderName::from_static("offshoot-contract");

/// What a header value cannot hold, and `%` itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b' ');

/// Writes the context of a call that `cx` makes, under `key` and with `timeout` left.
pub(crate) fn write(cx: &CallContext, key: Option<&str>, timeout: Duration, headers: &mut HeaderMap) {
    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    headers.insert(DEADLINE, HeaderValue::from(millis));
    // Who says nothing has all that a request has.
    if cx.repeats_left() < CallContext::REPEATS_PER_REQUEST {
        headers.insert(REPEATS_LEFT, HeaderValue::from(cx.repeats_left()));
    }
    if let Ok(trace) = HeaderValue::from_bytes(&cx.trace().header()) {
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

/// The trace that a request continues, or a new one.
pub(crate) fn read_trace(headers: &HeaderMap) -> TraceContext {
    let header = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    header
        .and_then(TraceContext::parse)
        .unwrap_or_else(TraceContext::random)
}

/// A context made from a request's headers, before its method is known, and the key of the call.
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
        cx = cx.with_repeats_left(repeats);
    }
    (cx, decoded(IDEMPOTENCY_KEY).map(Into::into))
}
