//! A server with small limits, and clients that write bytes by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use offshoot_listener::{Listener, ListenerLimits, Stopping};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a test waits for an event that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose `/held` waits until the test lets requests go on.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stopping: Stopping,
    pub(crate) serving: JoinHandle<()>,
    entered: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Server {
    pub(crate) async fn start(limits: ListenerLimits) -> Self {
        let (entered, released) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let held = {
            let (entered, released) = (Arc::clone(&entered), Arc::clone(&released));
            move || async move {
                entered.add_permits(1);
                released.acquire().await.unwrap().forget();
                "held"
            }
        };
        let routes = Router::new()
            .route("/held", get(held))
            .route("/quick", get(|| async { "quick" }))
            .route("/length", post(|body: String| async move { body.len().to_string() }))
            .route("/large", get(|| async { Body::from(vec![b'x'; 32 << 20]) }))
            .route("/health/live", get(|| async { "live" }));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let (address, stopping) = (listener.bound().address, Stopping::default());
        let serving = listener.serve(routes, limits, stopping.clone());
        Self {
            address,
            stopping,
            serving,
            entered,
            released,
        }
    }

    /// A connection on which nothing was sent yet.
    pub(crate) async fn connect(&self) -> Client {
        self.connect_from("127.0.0.1").await
    }

    /// A connection from this address of the loopback network.
    pub(crate) async fn connect_from(&self, address: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        Client(socket.connect(self.address).await.unwrap())
    }

    /// Sends a request that waits in `/held`.
    pub(crate) async fn hold(&self) -> Client {
        let mut client = self.connect().await;
        client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n").await;
        self.until_held().await;
        client
    }

    /// Waits until one more request is in `/held`.
    pub(crate) async fn until_held(&self) {
        let entered = timeout(PATIENCE, self.entered.acquire()).await;
        entered.expect("a request arrives at /held").unwrap().forget();
    }

    /// Lets one request leave `/held`.
    pub(crate) fn release(&self) {
        self.released.add_permits(1);
    }

    /// Waits until all connections have ended.
    pub(crate) async fn ended(self) {
        timeout(PATIENCE, self.serving).await.expect("the server ends").unwrap();
    }
}

pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request without a body, and reads the response.
    pub(crate) async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        self.read_response().await
    }

    /// Reads a response whose body is shorter than one read.
    pub(crate) async fn read_response(&mut self) -> String {
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let read = timeout(PATIENCE, self.0.read(&mut buffer)).await;
            let read = read.expect("a response arrives").unwrap();
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            let body = text
                .split_once("\r\n\r\n")
                .map(|(head, body)| (length(head), body.len()));
            if read == 0 || body.is_some_and(|(announced, have)| have >= announced) {
                return text;
            }
        }
    }

    /// Waits until the server ends the connection, and returns the bytes until then.
    pub(crate) async fn until_closed(&mut self) -> usize {
        let mut all = 0;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = timeout(PATIENCE, self.0.read(&mut buffer)).await;
            match read.expect("the server closes the connection") {
                Ok(0) | Err(_) => return all,
                Ok(read) => all += read,
            }
        }
    }
}

fn length(head: &str) -> usize {
    let mut lengths = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
    lengths.next_back().map_or(0, |length| length.parse().unwrap())
}
