//! A proxy that makes the candidate wrong: edits one answer in so many, and forwards everything else as it is.
//!
//! Identity checks, problems and events pass untouched, so that only a comparison of the answers can find the fault.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use offshoot_replay::http::{HttpClient, client};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Largest body of a request.
const MAX_BODY_BYTES: usize = 16 << 20;

/// A running proxy. Ends when dropped.
pub(super) struct Proxy {
    /// Host and port.
    pub(super) address: String,
    forward: Arc<Forward>,
    server: JoinHandle<std::io::Result<()>>,
}

struct Forward {
    client: HttpClient,
    candidate: String,
    /// Start of the paths with edited answers.
    methods: String,
    /// One answer of so many is edited.
    one_in: u64,
    /// Answers that have something to edit.
    answers: AtomicU64,
    edited: AtomicU64,
}

impl Proxy {
    /// Starts a proxy for the candidate of `module` at `candidate` (host and port). `rate`: share of edited answers.
    pub(super) async fn start(candidate: &str, module: &str, rate: f64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("cannot listen for the proxy")?;
        let forward = Arc::new(Forward {
            client: client(),
            candidate: candidate.to_owned(),
            methods: format!("/modules/{module}/v"),
            one_in: one_in(rate),
            answers: AtomicU64::new(0),
            edited: AtomicU64::new(0),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&forward));
        Ok(Self {
            address: listener.local_addr()?.to_string(),
            forward,
            server: tokio::spawn(async move { axum::serve(listener, router).await }),
        })
    }

    /// Number of edited answers.
    pub(super) fn edited(&self) -> u64 {
        self.forward.edited.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from f64 saturates, and a rate is above 0"
)]
fn one_in(rate: f64) -> u64 {
    (1.0 / rate).round().max(1.0) as u64
}

async fn answer(State(forward): State<Arc<Forward>>, request: Request) -> Response {
    let forwarded = forward.forward(request).await;
    forwarded.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

impl Forward {
    async fn forward(&self, request: Request) -> Result<Response> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        parts.uri = format!("http://{}{path}", self.candidate).parse()?;
        parts.headers.remove(header::HOST);
        remove_framing(&mut parts.headers);
        let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await?;
        let response = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
        let (mut parts, body) = response.into_parts();
        let mut body = body.collect().await?.to_bytes();
        if parts.status == StatusCode::OK && self.is_answer_of_method(&path) {
            body = self.edit_if_due(body);
        }
        remove_framing(&mut parts.headers);
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    fn is_answer_of_method(&self, path: &str) -> bool {
        path.starts_with(&self.methods) && !path.contains("/events")
    }

    fn edit_if_due(&self, body: Bytes) -> Bytes {
        let Ok(mut answer) = serde_json::from_slice(&body) else {
            return body;
        };
        if !edit(&mut answer) {
            return body;
        }
        let number = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        if !number.is_multiple_of(self.one_in) {
            return body;
        }
        self.edited.fetch_add(1, Ordering::Relaxed);
        serde_json::to_vec(&answer).map_or(body, Bytes::from)
    }
}

/// Removes the headers of one connection: the proxy has another connection at each side.
fn remove_framing(headers: &mut HeaderMap) {
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
        headers.remove(name);
    }
}

/// Changes the first `amount` in the answer, else the first number. Returns whether there was one.
fn edit(answer: &mut Value) -> bool {
    edit_amount(answer) || edit_number(answer)
}

fn edit_amount(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(amount)) = fields.get_mut("amount") {
                return edit_last_digit(amount);
            }
            fields.values_mut().any(edit_amount)
        }
        Value::Array(elements) => elements.iter_mut().any(edit_amount),
        _ => false,
    }
}

/// `2.55` becomes `2.56`, `2.59` becomes `2.50`.
fn edit_last_digit(amount: &mut String) -> bool {
    let Some(digit) = amount.chars().last().and_then(|last| last.to_digit(10)) else {
        return false;
    };
    amount.pop();
    amount.push_str(&((digit + 1) % 10).to_string());
    true
}

fn edit_number(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => {
            let Some(integer) = number.as_i64().and_then(|integer| integer.checked_add(1)) else {
                return false;
            };
            *value = integer.into();
            true
        }
        Value::Object(fields) => fields.values_mut().any(edit_number),
        Value::Array(elements) => elements.iter_mut().any(edit_number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_amount_is_edited_else_one_number() {
        let mut page =
            json!({ "items": [{ "price": { "amount": "2.59", "currency": "GBP" } }, { "price": { "amount": "1" } }] });
        assert!(edit(&mut page));
        assert_eq!(page["items"][0]["price"]["amount"], "2.50");
        assert_eq!(page["items"][1]["price"]["amount"], "1");
        let mut stock = json!({ "product_id": "prd_1", "on_hand": 7 });
        assert!(edit(&mut stock));
        assert_eq!(stock["on_hand"], 8);
        assert!(!edit(&mut json!({ "items": [] })));
    }

    #[test]
    fn a_rate_is_one_answer_in_so_many() {
        assert_eq!((one_in(0.001), one_in(0.02), one_in(1.0)), (1_000, 50, 1));
    }
}
