//! Proxy in front of a candidate that edits JSON answers, so that a right module looks like a wrong one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Largest body, bytes.
const MAX_BODY: usize = 16 << 20;

/// An answer of the candidate. Edited before the caller gets the answer.
#[derive(Debug)]
pub struct EditedAnswer {
    /// Path and query of the request.
    pub path: String,
    /// HTTP status.
    pub status: u16,
    /// The JSON document.
    pub body: Value,
    /// Pause before the answer is sent.
    pub delay: Duration,
}

/// Changes an answer.
pub type Edit = Box<dyn FnMut(&mut EditedAnswer) + Send>;

/// A running proxy.
pub struct EditingProxy {
    address: String,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

struct Shared {
    target: String,
    http: reqwest::Client,
    edit: Mutex<Edit>,
}

impl EditingProxy {
    /// Starts a proxy before the process at `target`, which edits nothing yet.
    #[expect(clippy::disallowed_methods, reason = "a proxy between processes of the tests")]
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address")
            .to_string();
        let http = reqwest::Client::builder().no_proxy().build();
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            http: http.expect("a client without TLS has nothing that can fail"),
            edit: Mutex::new(Box::new(|_| {})),
        });
        let routes = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.expect("the proxy serves") });
        Self {
            address,
            shared,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// `http://HOST:PORT` of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Edits later answers with `edit`.
    pub fn edit(&self, edit: impl FnMut(&mut EditedAnswer) + Send + 'static) {
        *self.shared.edit() = Box::new(edit);
    }
}

impl Shared {
    fn edit(&self) -> MutexGuard<'_, Edit> {
        self.edit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let mut headers = parts.headers;
    headers.remove("host");
    let forwarded = shared.http.request(parts.method, format!("{}{path}", shared.target));
    let answered = forwarded.headers(headers).body(body).send().await;
    let Ok(answered) = answered else {
        return answer(StatusCode::BAD_GATEWAY, Bytes::new());
    };
    let (status, headers) = (answered.status(), answered.headers().clone());
    let Ok(body) = answered.bytes().await else {
        return answer(StatusCode::BAD_GATEWAY, Bytes::new());
    };
    // The identity of the candidate is no answer of the module.
    let json = serde_json::from_slice(&body)
        .ok()
        .filter(|_: &Value| !path.ends_with("/contract") && !path.contains("/contract?"));
    let (status, body, delay) = match json {
        None => (status, body, Duration::ZERO),
        Some(json) => {
            let mut edited = EditedAnswer {
                path,
                status: status.as_u16(),
                body: json,
                delay: Duration::ZERO,
            };
            shared.edit()(&mut edited);
            let status = StatusCode::from_u16(edited.status).expect("a test edits to a valid status");
            (status, edited.body.to_string().into(), edited.delay)
        }
    };
    tokio::time::sleep(delay).await;
    let mut response = answer(status, body);
    for (name, value) in headers
        .iter()
        .filter(|(name, _)| *name != "content-length" && *name != "transfer-encoding")
    {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

fn answer(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}
