//! An HTTP client of the public side, and answers that say what they are when they are not what a test expects.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Speaks to one process.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
    request: String,
}

impl Client {
    /// A client of the process at `url`.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one client of the tests")]
    pub fn new(url: &str) -> Self {
        // Nothing in the environment may send these requests elsewhere.
        let http = reqwest::Client::builder().no_proxy().build();
        Self {
            http: http.expect("a client without TLS can always be made"),
            url: url.to_owned(),
            token: None,
        }
    }

    /// The same with an operator's token on every request.
    #[must_use]
    pub fn with_token(self, token: String) -> Self {
        let token = Some(token);
        Self { token, ..self }
    }

    /// A request for `path`, to be completed and given to [`send`](Self::send).
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().expect("a method is a word");
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request. A connection that is refused or lost is an answer with status 0.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("the request is well-formed");
        let described = format!("{} {}", request.method(), request.url().path());
        match self.http.execute(request).await {
            Ok(response) => Answer {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                text: response.text().await.unwrap_or_else(|error| error.to_string()),
                request: described,
            },
            Err(error) => Answer {
                status: 0,
                headers: HeaderMap::new(),
                text: format!("{error:?}"),
                request: described,
            },
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// A request with a JSON body.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }
}

impl Answer {
    /// The JSON body of an answer with this status.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}: {}", self.request, self.text))
    }

    /// The problem that refuses a request with this status and code, under the trace id that the response names.
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

    /// A header, empty if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}
