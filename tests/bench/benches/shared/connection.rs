//! One keep-alive connection to an HTTP server.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: String,
    token: String,
}

impl Connection {
    /// Connects to a host and port.
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("nodelay is set on the socket");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("the HTTP handshake succeeds");
        tokio::spawn(connection);
        let address = address.to_owned();
        let token = String::new();
        Self { sender, address, token }
    }

    #[allow(dead_code, reason = "used only by benchmarks with operator requests")]
    /// Sends `token` as the bearer token of every request.
    pub(crate) fn with_token(self, token: String) -> Self {
        Self { token, ..self }
    }

    /// Sends a GET request and returns the body.
    pub(crate) async fn get(&mut self, path: &str) -> Bytes {
        self.send(Method::GET, path, "", "").await
    }

    /// Sends a GET request and parses the body as JSON.
    pub(crate) async fn get_json(&mut self, path: &str) -> Value {
        let body = self.get(path).await;
        serde_json::from_slice(&body).expect("the body is JSON")
    }

    /// Sends a request and returns the body. An empty `key` sends no idempotency key; an empty `body` sends no body,
    /// and any other body must be JSON. Panics unless the status is 2xx.
    pub(crate) async fn send(&mut self, method: Method, path: &str, key: &str, body: &str) -> Bytes {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.address);
        let request = match body {
            "" => request,
            _ => request.header(header::CONTENT_TYPE, "application/json"),
        };
        let request = match key {
            "" => request,
            _ => request.header("idempotency-key", key),
        };
        let request = match self.token.as_str() {
            "" => request,
            token => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        };
        let request = request
            .body(Full::from(body.to_owned()))
            .expect("the request is well-formed");
        self.sender.ready().await.expect("the server keeps the connection open");
        let response = self.sender.send_request(request).await.expect("the server answers");
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("the body is complete")
            .to_bytes();
        assert!(
            status.is_success(),
            "{path} answers {status}: {}",
            String::from_utf8_lossy(&body)
        );
        body
    }
}
