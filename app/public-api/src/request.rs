//! Strict extractors: a misspelt field is an error, not a silent default.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use offshoot_contract::json::Objects;
use offshoot_contract::{CallContext, TraceContext};

use super::problems::{BAD_IDEMPOTENCY_KEY, INCOMPLETE_BODY, INVALID_ID, INVALID_QUERY, NOT_JSON};
use super::refusal::Refusal;

/// Largest body. The largest valid body is a cart of 1,500 lines, 130 KiB.
pub(super) const MAX_BODY_BYTES: usize = 256 << 10;
/// Memory for bodies that are arriving: 256 of the largest size.
pub(super) const ARRIVING_BODIES_BYTES: u32 = 64 << 20;
/// Deadline of a request. Shoppers wait no longer.
pub(super) const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// Header of the idempotency key.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The permit of an admitted request.
#[derive(Clone)]
pub(super) struct Admitted(pub(super) Arc<OwnedSemaphorePermit>);

/// The one for whom a request acts: an operator, the holder of a cart or an order, or an unknown client.
#[derive(Clone)]
pub(super) struct Principal(pub(super) Arc<str>);

/// Root context of the calls of a request, with the principal whom the operation's audience admitted. The first call uses
/// the idempotency key.
pub(super) struct Context(pub(super) CallContext);

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let trace = parts
            .extensions
            .get::<TraceContext>()
            .copied()
            .unwrap_or_else(TraceContext::random);
        let cx = CallContext::root("public")
            .with_timeout(REQUEST_DEADLINE)
            .with_trace(trace);
        let cx = match parts.extensions.get::<Admitted>() {
            Some(Admitted(place)) => cx.holding(Arc::<OwnedSemaphorePermit>::clone(place)),
            None => cx,
        };
        let principal = parts.extensions.get::<Principal>();
        let cx = cx.with_principal(principal.map(|Principal(name)| Arc::clone(name)));
        match parts.headers.get(IDEMPOTENCY_KEY) {
            Some(key) if parts.method != Method::GET => {
                let key = key.to_str().map_err(|_| {
                    Refusal::new(
                        BAD_IDEMPOTENCY_KEY,
                        "an idempotency key has printable ASCII characters only",
                    )
                })?;
                Ok(Self(cx.with_next_key(key)))
            }
            _ => Ok(Self(cx)),
        }
    }
}

/// Ids in the path.
pub(super) struct Ids<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let ids = Path::<T>::from_request_parts(parts, state).await;
        ids.map(|Path(ids)| Self(ids)).map_err(|rejection| {
            let reason = match rejection {
                PathRejection::FailedToDeserializePathParams(error) => match error.into_kind() {
                    ErrorKind::Message(message) | ErrorKind::DeserializeError { message, .. } => message,
                    other => other.to_string(),
                },
                other => other.body_text(),
            };
            Refusal::new(INVALID_ID, reason)
        })
    }
}

/// The complete query string.
pub(super) struct StrictQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let text = rejection.body_text();
                let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
                Err(Refusal::new(INVALID_QUERY, reason))
            }
        }
    }
}

/// A JSON body.
pub(super) struct StrictJson<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for StrictJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (parts, body) = read(request).await?;
        expect_json(&parts.headers)?;
        decode(&body).map(Self)
    }
}

/// A JSON body, or the default without a body.
pub(super) struct OptionalJson<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (parts, body) = read(request).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        expect_json(&parts.headers)?;
        decode(&body).map(Self)
    }
}

/// The body, which has been received before the request was admitted.
async fn read(request: Request) -> Result<(Parts, Bytes), Refusal> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await;
    let body = body.map_err(|_| Refusal::new(INCOMPLETE_BODY, "the body ended early"))?;
    Ok((parts, body))
}

fn expect_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or("?"));
    let mut parts = given.unwrap_or_default().split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    if is_json && parts.all(is_utf8) {
        return Ok(());
    }
    let given = given.map_or_else(
        || "no content type".to_owned(),
        |given| format!("the content type `{given}`"),
    );
    Err(Refusal::new(
        NOT_JSON,
        format!("the body has {given}: send it as application/json, in UTF-8"),
    ))
}

/// Whether a parameter of a content type allows UTF-8.
fn is_utf8(parameter: &str) -> bool {
    parameter.split_once('=').is_none_or(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(Objects(&mut json)).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            Refusal::invalid_field(&path, cause)
        } else {
            Refusal::malformed_json(&cause)
        }
    })?;
    json.end().map_err(|error| Refusal::malformed_json(&error))?;
    Ok(value)
}
