//! A patient client of the public API: retries unanswered requests under the same idempotency key.
//!
//! Knows HTTP and JSON, but no contract.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::Method;
use offshoot_contract::{Backoff, ServerUrl};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::http::{Header, HttpClient, Requests, client, send};

/// Timeout of one attempt. The store ends its requests after 10 s.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Pauses between attempts.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(1_000));

/// Names and values of headers.
pub(super) type Headers<'a> = &'a [Header<'a>];

/// Client of one store.
pub(super) struct PublicClient {
    client: HttpClient,
    root: String,
    patience: Duration,
    requests: Mutex<Requests>,
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
    pub(super) fn new(url: &str, patience: Duration) -> Result<Self> {
        let store: ServerUrl = url
            .parse()
            .with_context(|| format!("`{url}` is not a valid address of the store"))?;
        if store.is_encrypted() {
            bail!("`{store}` is not a valid address of the store: give http://HOST:PORT");
        }
        Ok(Self {
            client: client(),
            root: format!("{store}/api/v1"),
            patience,
            requests: Mutex::default(),
            repeats: AtomicU64::new(0),
        })
    }

    /// Number of retries.
    pub(super) fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> Requests {
        self.lock_requests().clone()
    }

    fn lock_requests(&self) -> MutexGuard<'_, Requests> {
        // A poisoned lock is usable: no panic leaves the counts half changed.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Repeats a request until the response has a status below 500. Fails after the patience of this client.
    pub(super) async fn send(&self, method: Method, path: &str, headers: Headers<'_>, body: &Value) -> Result<Answer> {
        let (start, url) = (Instant::now(), format!("{}{path}", self.root));
        let mut backoff = PAUSES;
        loop {
            let sent = send(&self.client, method.clone(), &url, headers, body);
            let attempt = timeout(ATTEMPT, sent).await;
            self.lock_requests().count(&attempt);
            let why = match attempt {
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
                bail!("{method} {url} did not succeed within {:?}: {why}", self.patience);
            }
            self.repeats.fetch_add(1, Ordering::Relaxed);
            sleep(pause).await;
        }
    }
}
