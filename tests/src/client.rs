//! HTTP client for one process. Failed expectations print the request and the response body.
//!
//! Clients remember the link tokens of all orders that clients of this test process have checked out, as a shopper's browser
//! does, and all are one client to idempotency keys. A stranger remembers nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Link tokens by order.
static LINKS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
/// The one client that all are to idempotency keys.
const COOKIE: &str = "offshoot-client=00000000000000000000000000000001";

/// A client of one process, optionally with an operator's token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    is_stranger: bool,
}

/// A complete HTTP response, or status 0 for a refused or lost connection.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// Response body, or the transport error for status 0.
    pub text: String,
    request: String,
}

impl Client {
    /// Creates a client for the process at `url`, without a token.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one client of the tests")]
    pub fn new(url: &str) -> Self {
        // A proxy setting in the environment must not redirect these requests.
        let http = reqwest::Client::builder().no_proxy().build();
        Self {
            http: http.expect("a client without TLS has nothing that can fail"),
            url: url.to_owned(),
            token: None,
            is_stranger: false,
        }
    }

    /// Creates a client that has no cookie and knows no order.
    #[must_use]
    pub fn stranger(url: &str) -> Self {
        Self {
            is_stranger: true,
            ..Self::new(url)
        }
    }

    /// Sends `token` as the bearer token of every request.
    #[must_use]
    pub fn with_token(self, token: String) -> Self {
        let token = Some(token);
        Self { token, ..self }
    }

    /// Starts a request for `path`. Complete the builder and pass it to [`send`](Self::send).
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().expect("the method name is valid");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !self.is_stranger {
            request = request.header("cookie", COOKIE);
            if let Some(token) = link_token(path) {
                request = request.header("order-token", token);
            }
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request. A refused or lost connection becomes a response with status 0.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        let request = request.build().expect("the request is well-formed");
        let described = format!("{} {}", request.method(), request.url().path());
        match self.http.execute(request).await {
            Ok(response) => {
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                let text = response.text().await.unwrap_or_else(|error| error.to_string());
                remember_link(&text);
                Response {
                    status,
                    headers,
                    text,
                    request: described,
                }
            }
            Err(error) => Response {
                status: 0,
                headers: HeaderMap::new(),
                text: format!("{error:?}"),
                request: described,
            },
        }
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Response {
        self.send(self.request("GET", path)).await
    }

    /// Sends a request with a JSON body.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Response {
        self.send(self.request(method, path).json(body)).await
    }
}

/// Remembers the token in the response to a checkout.
fn remember_link(text: &str) {
    if !text.contains("link_token") {
        return;
    }
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    if let (Some(order), Some(token)) = (body["id"].as_str(), body["link_token"].as_str()) {
        let mut links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        links.insert(order.to_owned(), token.to_owned());
    }
}

/// The token of the order in the path.
fn link_token(path: &str) -> Option<String> {
    let order = path.strip_prefix("/api/v1/orders/")?.split('/').next()?;
    let links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
    links.get(order).cloned()
}

impl Response {
    /// Returns the JSON body. Panics on another status or on a body that is not JSON.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}: {}", self.request, self.text))
    }

    /// Returns the problem document. Panics unless status, code and content type match, and the trace id in the body
    /// equals the trace id in the header.
    pub fn expect_problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{}: {}", self.request, self.text);
        assert_eq!(problem["status"], status, "{}: {}", self.request, self.text);
        assert_eq!(
            self.header(CONTENT_TYPE.as_str()),
            "application/problem+json",
            "{}",
            self.request
        );
        let trace = problem["trace_id"].as_str().unwrap_or_default();
        assert!(trace.len() == 32, "{}: no trace id: {}", self.request, self.text);
        assert_eq!(self.header("offshoot-trace-id"), trace, "{}", self.request);
        problem
    }

    /// A header's value, empty for an absent header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}
