//! Requests that no client of a contract would send: repeated headers, bytes beyond ASCII, bodies that never arrive. And
//! their answers.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::ServerUrl;
use rustls::ClientConfig;
use serde_json::Value;

use crate::{MAX_ANSWER_BYTES, REQUEST_TIMEOUT};

/// Contract and store, of a request and of an answer.
pub(crate) const CONTRACT: HeaderName = HeaderName::from_static("offshoot-contract");

/// Characters of a body or a header that a report shows.
const SHOWN_CHARS: usize = 300;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) verb: &'static str,
    /// Path and query.
    pub(crate) path: String,
    headers: HeaderMap,
    body: ProbeBody,
}

/// The body of a request.
#[derive(Debug, Clone)]
enum ProbeBody {
    Text(Bytes),
    /// A body of so many bytes is announced, and never arrives.
    Announced(u64),
}

impl Probe {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            verb: "GET",
            path: path.into(),
            headers: HeaderMap::new(),
            body: ProbeBody::Text(Bytes::new()),
        }
    }

    pub(crate) fn with_verb(self, verb: &'static str) -> Self {
        Self { verb, ..self }
    }

    /// Replaces a header.
    pub(crate) fn with(mut self, name: impl Into<HeaderName>, value: &str) -> Self {
        self.headers.insert(name.into(), header_value(value.as_bytes()));
        self
    }

    /// Adds a header, perhaps once more.
    pub(crate) fn and(mut self, name: impl Into<HeaderName>, value: &[u8]) -> Self {
        self.headers.append(name.into(), header_value(value));
        self
    }

    /// Sends the header twice.
    pub(crate) fn with_twice(self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_static(name);
        self.with(name.clone(), value).and(name, value.as_bytes())
    }

    pub(crate) fn without(mut self, name: HeaderName) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn with_query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let pair = form_urlencoded::Serializer::new(String::new())
            .append_pair(name, value)
            .finish();
        self.path.push(separator);
        self.path.push_str(&pair);
        self
    }

    /// A body of JSON, or of a text that should be JSON.
    pub(crate) fn with_body(mut self, text: impl Into<String>) -> Self {
        self.body = ProbeBody::Text(Bytes::from(text.into()));
        let is_typed = self.headers.contains_key(http::header::CONTENT_TYPE);
        if is_typed {
            self
        } else {
            self.with(http::header::CONTENT_TYPE, "application/json")
        }
    }

    /// Announces a body that never arrives.
    pub(crate) fn with_announced_body(self, bytes: u64) -> Self {
        Self {
            body: ProbeBody::Announced(bytes),
            ..self.with(http::header::CONTENT_TYPE, "application/json")
        }
    }

    /// The request as one line, without signatures.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("{} {}", self.verb, self.path);
        for (name, value) in &self.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let value = match *name == AUTHORIZATION {
                // The signature follows the last dot.
                true => value
                    .rsplit_once('.')
                    .map_or_else(|| value.clone(), |(claims, _)| format!("{claims}.<signature>")),
                false => cut(&value),
            };
            text.push_str(&format!("; {name}: {value}"));
        }
        match &self.body {
            ProbeBody::Text(body) if body.is_empty() => {}
            ProbeBody::Text(body) => text.push_str(&format!("; body {}", cut(&String::from_utf8_lossy(body)))),
            ProbeBody::Announced(bytes) => text.push_str(&format!("; {bytes} bytes announced and not sent")),
        }
        text
    }
}

fn header_value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push_str("..");
    }
    shown
}

/// A complete answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The text of a header; none if the header is missing or not printable.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null for anything else.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer as one line.
    pub(crate) fn describe(&self) -> String {
        let mut text = self.status.to_string();
        for name in [
            "content-type",
            "offshoot-contract",
            "allow",
            "connection",
            "www-authenticate",
        ] {
            if let Some(value) = self.header(name) {
                text.push_str(&format!("; {name}: {}", cut(value)));
            }
        }
        if !self.body.is_empty() {
            text.push_str(&format!("; body {}", cut(&String::from_utf8_lossy(&self.body))));
        }
        text
    }
}

/// Sends requests to one server.
#[derive(Debug)]
pub(crate) struct Sender {
    client: Client<HttpsConnector<HttpConnector>, OutgoingBody>,
    root: String,
}

impl Sender {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of contracts cannot send the requests that servers must refuse"
    )]
    pub(crate) fn new(url: &ServerUrl, tls: ClientConfig) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            root: url.to_string().trim_end_matches('/').to_owned(),
        }
    }

    /// The answer, or the reason why there is none.
    pub(crate) async fn send(&self, probe: &Probe) -> Result<Answer, String> {
        let mut request = Request::new(OutgoingBody::new(&probe.body));
        *request.method_mut() = probe.verb.parse().map_err(|error| format!("{error}"))?;
        *request.uri_mut() = format!("{}{}", self.root, probe.path)
            .parse()
            .map_err(|error| format!("{error}"))?;
        *request.headers_mut() = probe.headers.clone();
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| reason(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| format!("the answer ended early: {error}"))?;
            Ok(Answer {
                status: StatusCode::as_u16(&head.status),
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        tokio::time::timeout(REQUEST_TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs())))
    }
}

/// The error and the causes as one line.
fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The body of a request on its way.
#[derive(Debug)]
struct OutgoingBody {
    text: Option<Bytes>,
    announced: u64,
}

impl OutgoingBody {
    fn new(body: &ProbeBody) -> Self {
        match body {
            ProbeBody::Text(text) => Self {
                text: (!text.is_empty()).then(|| text.clone()),
                announced: 0,
            },
            ProbeBody::Announced(bytes) => Self {
                text: None,
                announced: *bytes,
            },
        }
    }
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.text.take() {
            Some(text) => Poll::Ready(Some(Ok(Frame::data(text)))),
            // Never woken: the answer ends the request.
            None if self.announced > 0 => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none() && self.announced == 0
    }

    fn size_hint(&self) -> SizeHint {
        let text = self.text.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(self.announced + u64::try_from(text).unwrap_or(u64::MAX))
    }
}
