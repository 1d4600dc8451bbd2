//! HTTP headers that carry the call context. A server trusts the headers only with a valid service token.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue};
use offshoot_contract::{CallContext, CallFailure, TraceContext};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Remaining milliseconds rather than a point in time: clocks may differ.
const DEADLINE: HeaderName = HeaderName::from_static("offshoot-deadline-ms");
const REPEATS_LEFT: HeaderName = HeaderName::from_static("offshoot-repeats-left");
const PRINCIPAL: HeaderName = HeaderName::from_static("offshoot-principal");
/// The call is repeated for a comparison, and no user waits for the answer.
const MIRRORED: HeaderName = HeaderName::from_static("offshoot-mirrored");
const TENANT: HeaderName = HeaderName::from_static("offshoot-tenant");
/// Contract, major version and store: on a request the addressed ones, on a response the answering ones.
pub(crate) const CONTRACT: HeaderName = HeaderName::from_static("offshoot-contract");

/// The headers of which a server reads one value. `Authorization` is not listed: a token is read only from a single one.
static SINGLE_VALUED: [HeaderName; 9] = [
    CONTENT_LENGTH,
    CONTRACT,
    DEADLINE,
    IDEMPOTENCY_KEY,
    MIRRORED,
    PRINCIPAL,
    REPEATS_LEFT,
    TENANT,
    TRACEPARENT,
];

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
    if cx.is_mirrored() {
        headers.insert(MIRRORED, HeaderValue::from_static("yes"));
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

/// The only `Authorization` header of a request; none if the request has several.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    given.next().filter(|_| given.next().is_none())
}

/// The token of an `Authorization` header. The name of a scheme is written in any case (RFC 9110).
pub(crate) fn bearer_token(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_start())
}

/// The trace that a request continues, else a new trace.
pub(crate) fn read_trace(headers: &HeaderMap) -> TraceContext {
    let header = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    header
        .and_then(TraceContext::parse)
        .unwrap_or_else(TraceContext::random)
}

/// Refuses a request that has a header twice of which the server reads one. Otherwise two readers of the request, such
/// as a gateway and this server, could read different values.
pub(crate) fn refuse_repeated(headers: &HeaderMap) -> Result<(), CallFailure> {
    // Almost no request repeats a header: then this only compares two numbers.
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    let is_repeated = |name: &&HeaderName| headers.get_all(*name).iter().nth(1).is_some();
    let repeated = SINGLE_VALUED.iter().find(is_repeated);
    repeated.map_or(Ok(()), |name| Err(bad_header(name, "is given twice")))
}

/// A header with an unusable value.
fn bad_header(name: &HeaderName, problem: &str) -> CallFailure {
    let code = match *name == IDEMPOTENCY_KEY {
        true => "bad-idempotency-key",
        false => "bad-request",
    };
    CallFailure::refused(400, code, format!("the header {name} {problem}"))
}

/// The percent-encoded text of a header; none without the header.
fn decode_text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Arc<str>>, CallFailure> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().ok();
    let text = text.and_then(|text| percent_decode_str(text).decode_utf8().ok());
    let text = text.ok_or_else(|| bad_header(name, "has a value that is not percent-encoded printable ASCII"))?;
    Ok(Some(text.into()))
}

/// The call context from a request's headers, before the method is known, and the call's idempotency key.
pub(crate) fn read(headers: &HeaderMap, trace: TraceContext) -> Result<(CallContext, Option<Arc<str>>), CallFailure> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let mut cx = CallContext::root("remote")
        .with_trace(trace)
        .with_principal(decode_text(headers, &PRINCIPAL)?)
        .with_tenant(decode_text(headers, &TENANT)?);
    if let Some(millis) = text(DEADLINE).and_then(|value| value.parse().ok()) {
        cx = cx.with_timeout(Duration::from_millis(millis));
    }
    if let Some(repeats) = text(REPEATS_LEFT).and_then(|value| value.parse().ok()) {
        cx = cx.with_retries_left(repeats);
    }
    if headers.contains_key(MIRRORED) {
        cx = cx.as_mirrored();
    }
    Ok((cx, decode_text(headers, &IDEMPOTENCY_KEY)?))
}
