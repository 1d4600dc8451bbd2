//! A patient HTTP client of the public API: retries unanswered requests under the same idempotency key.
//!
//! Knows HTTP and JSON, but no contract.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::{Backoff, ServerUrl};
use serde::Serialize;
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
    counts: Counts,
}

/// Requests of one client, each attempt by itself.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    repeats: AtomicU64,
    /// Attempts that failed, by kind.
    failed: Mutex<BTreeMap<String, u64>>,
}

/// Requests so far, each attempt counted by itself.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Requests {
    /// Attempts.
    pub sent: u64,
    /// Attempts without an answer, and answers that are neither a success nor a problem that the API declares, by kind:
    /// `timeout`, `connection`, or `status-` with the status.
    pub failed: BTreeMap<String, u64>,
}

impl Requests {
    /// Number of failed attempts of all kinds.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
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
            counts: Counts::default(),
        })
    }

    /// Number of retries.
    pub(super) fn repeats(&self) -> u64 {
        self.counts.repeats.load(Ordering::Relaxed)
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> Requests {
        Requests {
            sent: self.counts.sent.load(Ordering::Relaxed),
            failed: self.failed().clone(),
        }
    }

    fn failed(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        // A poisoned lock is usable: no panic leaves the map half changed.
        self.counts.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_failure(&self, kind: impl Into<String>) {
        *self.failed().entry(kind.into()).or_default() += 1;
    }

    /// Repeats a request until the response has a status below 500. Fails after the patience of this client.
    pub(super) async fn send(&self, method: Method, path: &str, headers: Headers<'_>, body: &Value) -> Result<Answer> {
        let start = Instant::now();
        let mut backoff = PAUSES;
        loop {
            self.counts.sent.fetch_add(1, Ordering::Relaxed);
            let why = match timeout(ATTEMPT, self.attempt(&method, path, headers, body)).await {
                Ok(Ok((status, body))) => {
                    if !is_declared(status, &body) {
                        self.count_failure(format!("status-{status}"));
                    }
                    if status < 500 {
                        let took = start.elapsed();
                        return Ok(Answer { status, body, took });
                    }
                    format!("the store answered {status} {body}")
                }
                Ok(Err(error)) => {
                    self.count_failure("connection");
                    format!("{error:#}")
                }
                Err(_) => {
                    self.count_failure("timeout");
                    format!("no response within {ATTEMPT:?}")
                }
            };
            let pause = backoff.next_pause();
            if start.elapsed() + pause > self.patience {
                bail!(
                    "{method} {}{path} did not succeed within {:?}: {why}",
                    self.root,
                    self.patience
                );
            }
            self.counts.repeats.fetch_add(1, Ordering::Relaxed);
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

/// Whether an answer is a success, or a problem that the API declares: with a code, and with the caller to blame.
#[must_use]
pub fn is_declared(status: u16, body: &Value) -> bool {
    status < 300 || ((400..500).contains(&status) && body["code"].is_string())
}
