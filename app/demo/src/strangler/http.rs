//! A client for JSON over HTTP. Knows neither the public API nor the admin surface.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Largest response. A page of 100 products has less than 100 KiB.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// A client with a pool of connections.
pub(super) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Name and value of a header.
pub(super) type Header<'a> = (&'static str, &'a str);

#[expect(
    clippy::disallowed_methods,
    reason = "a client of the public API and the admin surface, which are not contracts"
)]
pub(super) fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Sends a request. Returns status and body; `null` for a body that is not JSON. No body is sent for `null`.
pub(super) async fn send(
    client: &HttpClient,
    method: Method,
    url: &str,
    headers: &[Header<'_>],
    body: &Value,
) -> Result<(u16, Value)> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let bytes = if body.is_null() {
        Bytes::new()
    } else {
        request = request.header(header::CONTENT_TYPE, "application/json");
        serde_json::to_vec(body)?.into()
    };
    let response = client.request(request.body(Full::new(bytes))?).await;
    let response = response.with_context(|| format!("no answer from {url}"))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("the answer of {url} broke off: {error}"))?;
    Ok((status, serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null)))
}
