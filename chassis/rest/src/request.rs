//! Encoding of a call as an HTTP request, and decoding.

use std::borrow::Cow;

use axum::extract::RawPathParams;
use bytes::Bytes;
use http::Uri;
use offshoot_contract::{Args, ArgsOf, CallFailure, FailureKind, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::scalars::{BadRequest, decode_pairs};

/// Initial capacity for path and query, bytes: enough for most calls.
const PATH_CAPACITY: usize = 120;
/// Bytes escaped in a path segment: all but the unreserved ones of RFC 3986.
const ESCAPED_IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// URI of a call: `root`, the method's path with its parameters, and the remaining parameters as query.
pub(crate) fn uri<M: Method>(root: &str, params: &M::Params) -> Result<String, CallFailure> {
    let mut fields = match serde_json::to_value(params) {
        Ok(Value::Object(fields)) => fields,
        other => return Err(unencodable::<M>(other.err())),
    };
    let mut uri = String::with_capacity(root.len() + PATH_CAPACITY);
    uri.push_str(root);
    for segment in M::SPEC.path.split('/').skip(1) {
        uri.push('/');
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            uri.push_str(segment);
            continue;
        };
        let value = fields.remove(name).unwrap_or_default();
        let text = text::<M>(&value)?.unwrap_or_default();
        if text.is_empty() || text == "." || text == ".." {
            let why = format!("`{text}` is not a valid {name}: a path parameter cannot be empty, `.` or `..`");
            return Err(CallFailure::refused(400, "bad-request", why));
        }
        uri.extend(utf8_percent_encode(&text, ESCAPED_IN_SEGMENT));
    }
    let mut separator = '?';
    for (name, value) in &fields {
        if let Some(text) = text::<M>(value)? {
            uri.push(separator);
            separator = '&';
            uri.extend(form_urlencoded::byte_serialize(name.as_bytes()));
            uri.push('=');
            uri.extend(form_urlencoded::byte_serialize(text.as_bytes()));
        }
    }
    Ok(uri)
}

/// A scalar as text; none for null.
fn text<M: Method>(value: &Value) -> Result<Option<Cow<'_, str>>, CallFailure> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Cow::Borrowed(text))),
        Value::Bool(_) | Value::Number(_) => Ok(Some(Cow::Owned(value.to_string()))),
        Value::Array(_) | Value::Object(_) => Err(unencodable::<M>(None)),
    }
}

/// The JSON body of a call; empty for a method without one.
pub(crate) fn body<M: Method>(body: &M::Body) -> Result<Bytes, CallFailure> {
    if !M::SPEC.has_body {
        return Ok(Bytes::new());
    }
    let json = serde_json::to_vec(body).map_err(|error| unencodable::<M>(Some(error)))?;
    if json.len() > M::SPEC.max_bytes {
        let why = format!(
            "the arguments are {} bytes, more than the limit of {}",
            json.len(),
            M::SPEC.max_bytes
        );
        return Err(CallFailure::refused(413, "too-large", why));
    }
    Ok(json.into())
}

fn unencodable<M: Method>(cause: Option<serde_json::Error>) -> CallFailure {
    let why = format!("the arguments of {}.{} cannot be encoded", M::SPEC.module, M::SPEC.name);
    let failure = CallFailure::not_executed(FailureKind::Internal, why);
    match cause {
        Some(cause) => failure.caused_by(cause),
        None => failure,
    }
}

/// Decodes the arguments of a request.
pub(crate) fn decode<M: Method>(uri: &Uri, path: &RawPathParams, body: &[u8]) -> Result<ArgsOf<M>, BadRequest> {
    let path = path
        .iter()
        .map(|(name, text)| (Cow::Borrowed(name), Cow::Borrowed(text)));
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let params = decode_pairs(path.chain(query))?;
    let body = if M::SPEC.has_body {
        decode_json(body)?
    } else {
        // A method without body has `NoBody`, which decodes from an empty object.
        serde_json::from_str("{}").map_err(|error| BadRequest {
            field: ".".to_owned(),
            reason: error.to_string(),
        })?
    };
    Ok(Args { params, body })
}

/// Decodes JSON strictly: an unknown field is refused at any depth.
pub fn decode_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadRequest> {
    let mut unknown = None;
    let mut track = serde_path_to_error::Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let decoded = serde_ignored::deserialize(tracked, |path| {
        unknown.get_or_insert_with(|| path.to_string());
    });
    let value = decoded.map_err(|error: serde_json::Error| BadRequest {
        field: track.path().to_string(),
        reason: error.to_string(),
    })?;
    deserializer.end().map_err(|error| BadRequest {
        field: ".".to_owned(),
        reason: error.to_string(),
    })?;
    match unknown {
        Some(field) => Err(BadRequest {
            field,
            reason: "unknown field".to_owned(),
        }),
        None => Ok(value),
    }
}
