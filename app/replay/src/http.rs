//! A client for JSON over HTTP, and the count of its requests. Knows neither the public API nor the admin surface.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde_json::Value;
use tokio::time::error::Elapsed;

/// Largest response. An order of 1,500 lines has less than 1 MiB.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// A client with a pool of connections.
pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Outcome of one attempt under a time limit: status and body, no answer, or none in time.
pub type Attempt = Result<Result<(u16, Value)>, Elapsed>;

/// Name and value of a header.
pub type Header<'a> = (&'static str, &'a str);

/// A client without connections.
#[expect(
    clippy::disallowed_methods,
    reason = "a client of the public API and the admin surface, which are not contracts: this client stands for browsers"
)]
#[must_use]
pub fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Sends a request. Returns status and body; `null` for a body that is not JSON. No body is sent for `null`.
///
/// Fails without a complete answer.
pub async fn send(
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

/// Requests so far, each attempt counted by itself.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Requests {
    /// Attempts that have ended.
    pub sent: u64,
    /// Attempts without an answer, and answers that are neither a success nor a problem that the API declares, by kind:
    /// `timeout`, `connection`, or `status-` with the status.
    pub failed: BTreeMap<String, u64>,
}

impl Requests {
    /// Counts an attempt.
    pub fn count(&mut self, attempt: &Attempt) {
        self.sent += 1;
        let kind = match attempt {
            Ok(Ok((status, body))) if is_declared(*status, body) => return,
            Ok(Ok((status, _))) => format!("status-{status}"),
            Ok(Err(_)) => "connection".to_owned(),
            Err(_) => "timeout".to_owned(),
        };
        *self.failed.entry(kind).or_default() += 1;
    }

    /// Number of failed attempts of all kinds.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

/// Whether an answer is a success, or a problem that the API declares: with a code, and with the caller to blame.
#[must_use]
pub fn is_declared(status: u16, body: &Value) -> bool {
    status < 300 || ((400..500).contains(&status) && body["code"].is_string())
}
