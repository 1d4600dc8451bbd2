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
    /// To a host and port.
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("it is a TCP connection");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("the server speaks HTTP");
        tokio::spawn(connection);
        let address = address.to_owned();
        let token = String::new();
        Self { sender, address, token }
    }

    #[allow(dead_code, reason = "not every benchmark operates a store")]
    /// The same with this token on every request.
    pub(crate) fn with_token(self, token: String) -> Self {
        Self { token, ..self }
    }

    /// The answer to a GET.
    pub(crate) async fn get(&mut self, path: &str) -> Bytes {
        self.send(Method::GET, path, "", "").await
    }

    /// The same, read as JSON.
    pub(crate) async fn get_json(&mut self, path: &str) -> Value {
        let answer = self.get(path).await;
        serde_json::from_slice(&answer).expect("the answer is JSON")
    }

    /// The answer to a request, whose body is JSON or empty, as is the key under which it may be repeated.
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
        let body = Full::from(body.to_owned());
        let request = request.body(body).expect("it is a request");
        self.sender.ready().await.expect("the connection is kept");
        let response = self.sender.send_request(request).await.expect("the server answers");
        let status = response.status();
        let answer = response.into_body().collect().await.expect("the body comes").to_bytes();
        assert!(
            status.is_success(),
            "{path} answers {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        answer
    }
}
