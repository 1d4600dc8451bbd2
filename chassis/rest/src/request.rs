//! Encoding of a call as an HTTP request, and decoding.

use std::borrow::Cow;

use axum::extract::RawPathParams;
use bytes::Bytes;
use http::Uri;
use offshoot_contract::json::Objects;
use offshoot_contract::{Args, ArgsOf, CallFailure, FailureKind, MethodSpec, WireMethod};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

use crate::scalars::{BadRequest, Pair, decode_pairs};

/// Initial capacity for path and query, bytes: enough for most calls.
const PATH_CAPACITY: usize = 120;
/// Bytes escaped in a path segment: all but the unreserved ones of RFC 3986.
const ESCAPED_IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The arguments of one call, encoded for any address of the module.
pub(crate) struct EncodedArgs {
    /// Path with the parameters in it, and the other parameters as query.
    pub(crate) path_and_query: String,
    /// JSON; empty for a method without body.
    pub(crate) body: Bytes,
}

/// Encodes the arguments of a call.
pub(crate) fn encode<M: WireMethod>(spec: &MethodSpec, args: &ArgsOf<M>) -> Result<EncodedArgs, CallFailure> {
    Ok(EncodedArgs {
        path_and_query: path_and_query(spec, serde_json::to_value(&args.params))?,
        body: match spec.has_body {
            true => body(spec, serde_json::to_vec(&args.body))?,
            false => Bytes::new(),
        },
    })
}

fn path_and_query(spec: &MethodSpec, params: serde_json::Result<Value>) -> Result<String, CallFailure> {
    let mut fields = match params {
        Ok(Value::Object(fields)) => fields,
        other => return Err(unencodable(spec, other.err())),
    };
    let mut path = String::with_capacity(PATH_CAPACITY);
    for segment in spec.path.split('/').skip(1) {
        path.push('/');
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            path.push_str(segment);
            continue;
        };
        let value = fields.remove(name).unwrap_or_default();
        let text = text(spec, &value)?.unwrap_or_default();
        if text.is_empty() || text == "." || text == ".." {
            let why = format!("`{text}` is not a valid {name}: a path parameter cannot be empty, `.` or `..`");
            return Err(CallFailure::refused(400, "bad-request", why));
        }
        path.extend(utf8_percent_encode(&text, ESCAPED_IN_SEGMENT));
    }
    let mut separator = '?';
    for (name, value) in &fields {
        if let Some(text) = text(spec, value)? {
            path.push(separator);
            separator = '&';
            path.extend(form_urlencoded::byte_serialize(name.as_bytes()));
            path.push('=');
            path.extend(form_urlencoded::byte_serialize(text.as_bytes()));
        }
    }
    Ok(path)
}

/// A scalar as text; none for null.
fn text<'a>(spec: &MethodSpec, value: &'a Value) -> Result<Option<Cow<'a, str>>, CallFailure> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Cow::Borrowed(text))),
        Value::Bool(_) | Value::Number(_) => Ok(Some(Cow::Owned(value.to_string()))),
        Value::Array(_) | Value::Object(_) => Err(unencodable(spec, None)),
    }
}

fn body(spec: &MethodSpec, json: serde_json::Result<Vec<u8>>) -> Result<Bytes, CallFailure> {
    let json = json.map_err(|error| unencodable(spec, Some(error)))?;
    if json.len() > spec.max_bytes {
        let why = format!(
            "the arguments are {} bytes, more than the limit of {}",
            json.len(),
            spec.max_bytes
        );
        return Err(CallFailure::refused(413, "too-large", why));
    }
    Ok(json.into())
}

fn unencodable(spec: &MethodSpec, cause: Option<serde_json::Error>) -> CallFailure {
    let why = format!("the arguments of {}.{} cannot be encoded", spec.module, spec.name);
    let failure = CallFailure::not_executed(FailureKind::Internal, why);
    match cause {
        Some(cause) => failure.caused_by(cause),
        None => failure,
    }
}

/// Decodes the arguments of a request.
pub(crate) fn decode<M: WireMethod>(
    spec: &MethodSpec,
    uri: &Uri,
    path: &RawPathParams,
    body: &[u8],
) -> Result<ArgsOf<M>, BadRequest> {
    let params = decode_pairs(parameters(uri, path))?;
    // A method without body has `NoBody`, which decodes from an empty object.
    let body = if spec.has_body { body } else { b"{}" };
    let body = decode_json(body)?;
    Ok(Args { params, body })
}

/// The parameters in path and query, as pairs of name and text.
fn parameters<'a>(uri: &'a Uri, path: &'a RawPathParams) -> Vec<Pair<'a>> {
    let path = path
        .iter()
        .map(|(name, text)| (Cow::Borrowed(name), Cow::Borrowed(text)));
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    path.chain(query).collect()
}

/// Decodes JSON strictly: an unknown field is refused at any depth, and so is an array in the place of an object.
pub fn decode_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadRequest> {
    let mut unknown = None;
    let mut track = serde_path_to_error::Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::Deserializer::new(Objects(&mut deserializer), &mut track);
    let mut note_unknown = |path: Path<'_>| {
        unknown.get_or_insert_with(|| path.to_string());
    };
    // A trait object: with the closure's own type, all of serde would be compiled again for each `T`.
    let decoded = serde_ignored::deserialize(tracked, &mut note_unknown as &mut dyn FnMut(Path<'_>));
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
