//! A patient HTTP client of the public API: retries unanswered requests under the same idempotency key.
//!
//! Knows HTTP and JSON, but no contract.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::{Backoff, ServerUrl};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// Timeout of one attempt. The store ends its requests after 10 s.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Pauses between attempts.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(1_000));
/// Largest response. An order of 1,500 lines has less than 1 MiB.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// Names and values of headers.
pub(super) type Headers<'a> = &'a [(&'static str, &'a str)];

/// Client of one store.
pub(super) struct PublicClient {
    client: Client<HttpConnector, Full<Bytes>>,
    root: String,
    patience: Duration,
    repeats: AtomicU64,
}

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Time from the first attempt to the response.
    pub(super) took: Duration,
}

impl PublicClient {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the public API, which is not a contract: this client stands for browsers"
    )]
    pub(super) fn new(url: &str, patience: Duration) -> Result<Self> {
        let store: ServerUrl = url
            .parse()
            .with_context(|| format!("`{url}` is not a valid address of the store"))?;
        if store.is_encrypted() {
            bail!("`{store}` is not a valid address of the store: give http://HOST:PORT");
        }
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            root: format!("{store}/api/v1"),
            patience,
            repeats: AtomicU64::new(0),
        })
    }

    /// Number of retries.
    pub(super) fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    /// Repeats a request until the response has a status below 500. Fails after the patience of this client.
    pub(super) async fn send(&self, method: Method, path: &str, headers: Headers<'_>, body: &Value) -> Result<Answer> {
        let start = Instant::now();
        let mut backoff = PAUSES;
        loop {
            let why = match timeout(ATTEMPT, self.attempt(&method, path, headers, body)).await {
                Ok(Ok((status, body))) if status < 500 => {
                    let took = start.elapsed();
                    return Ok(Answer { status, body, took });
                }
                Ok(Ok((status, body))) => format!("the store answered {status} {body}"),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => format!("no response within {ATTEMPT:?}"),
            };
            let pause = backoff.next_pause();
            if start.elapsed() + pause > self.patience {
                bail!(
                    "{method} {}{path} did not succeed within {:?}: {why}",
                    self.root,
                    self.patience
                );
            }
            self.repeats.fetch_add(1, Ordering::Relaxed);
            sleep(pause).await;
        }
    }

    async fn attempt(&self, method: &Method, path: &str, headers: Headers<'_>, body: &Value) -> Result<(u16, Value)> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.root));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bytes = if body.is_null() {
            Bytes::new()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            serde_json::to_vec(body)?.into()
        };
        let response = self.client.request(request.body(Full::new(bytes))?).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body
            .map_err(|error| anyhow::anyhow!("the response broke off: {error}"))?
            .to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}
