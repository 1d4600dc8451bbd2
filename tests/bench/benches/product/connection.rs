//! One keep-alive connection to an HTTP server.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::load::Caller;

/// Where the server is asked for products.
const PRODUCTS: &str = "/api/v1/products";

/// A connection that asks for one product after the other.
pub(crate) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    address: String,
    ids: Arc<Vec<String>>,
    /// Where it begins, so that not all ask for the same.
    first: usize,
}

impl Connection {
    pub(crate) async fn open(address: &str, ids: &Arc<Vec<String>>, first: usize) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("it is a TCP connection");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("the server speaks HTTP");
        tokio::spawn(connection);
        Self {
            sender,
            address: address.to_owned(),
            ids: Arc::clone(ids),
            first,
        }
    }

    /// The answer to a GET below the products' path.
    pub(crate) async fn get(&mut self, below: &str) -> Bytes {
        let request = Request::get(format!("{PRODUCTS}{below}"))
            .header(header::HOST, &self.address)
            .body(Empty::new())
            .expect("it is a request");
        self.sender.ready().await.expect("the connection is kept");
        let response = self.sender.send_request(request).await.expect("the server answers");
        assert!(
            response.status().is_success(),
            "{} answers {}",
            self.address,
            response.status()
        );
        response.into_body().collect().await.expect("the body comes").to_bytes()
    }
}

impl Caller for Connection {
    async fn call(&mut self, n: usize) {
        let id = &self.ids[(self.first + n) % self.ids.len()];
        let path = format!("/{id}");
        assert!(!self.get(&path).await.is_empty());
    }
}
