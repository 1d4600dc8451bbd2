//! A listening socket: accepts connections within the limits, and ends each after the last response.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Phase;
use crate::connections::{Connections, Place};
use crate::limits::{ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, LINGER_POLL, LOG_PAUSE, ListenerLimits, MAX_BUFFER_BYTES};
use crate::service::TrackedService;
use crate::stopping::Stopping;
use crate::stream::TimedStream;

/// TLS of a listener. New connections use the configuration stored last.
pub type SharedServerTls = Arc<ArcSwap<ServerConfig>>;

/// A bound socket that accepts nothing yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<SharedServerTls>,
}

/// Address of a bound socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Address, with the chosen port.
    pub address: SocketAddr,
    /// Whether clients speak TLS.
    pub is_encrypted: bool,
}

impl Bound {
    /// URL of the socket: `http://127.0.0.1:7070`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

impl Listener {
    /// Binds a socket; port 0 takes a free port.
    pub async fn bind(address: SocketAddr, tls: Option<SharedServerTls>) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, tls })
    }

    /// Where the socket listens.
    #[must_use]
    pub fn bound(&self) -> Bound {
        Bound {
            address: self.address,
            is_encrypted: self.tls.is_some(),
        }
    }

    /// Serves until `stopping` closes the socket, then until the last connection has ended.
    pub fn serve(self, routes: Router, limits: ListenerLimits, stopping: Stopping) -> JoinHandle<()> {
        let mut http = http1::Builder::new();
        // The stream has the timeouts: only the stream tells an idle connection from an unfinished head.
        http.header_read_timeout(None)
            .max_buf_size(MAX_BUFFER_BYTES)
            .half_close(false);
        let serving = Serving {
            connections: Connections::new(&limits),
            limits: Arc::new(limits),
            tls: self.tls,
            routes,
            http,
            stopping,
            ending: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        tokio::spawn(serving.run(self.socket))
    }
}

/// A socket in service.
struct Serving {
    connections: Arc<Connections>,
    limits: Arc<ListenerLimits>,
    tls: Option<SharedServerTls>,
    routes: Router,
    http: http1::Builder,
    stopping: Stopping,
    /// Ends the connections, each after the present request.
    ending: CancellationToken,
    /// The tasks of the connections.
    tasks: TaskTracker,
}

impl Serving {
    async fn run(self, socket: TcpListener) {
        let mut shortage = Shortage::default();
        {
            let mut closing = pin!(self.stopping.closing());
            loop {
                let accepted = tokio::select! {
                    accepted = socket.accept() => accepted,
                    () = &mut closing => break,
                };
                let (stream, peer) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        shortage.report(&error.to_string());
                        // Usually no file descriptor is left.
                        self.connections.close_longest_waiting();
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                self.admit(stream, peer, &mut shortage);
            }
        }
        // Clients whose connection the kernel has made already would lose their first request.
        for (stream, peer) in close(socket) {
            self.admit(stream, peer, &mut shortage);
        }
        self.linger().await;
        self.ending.cancel();
        self.tasks.close();
        if timeout(self.limits.arrival, self.tasks.wait()).await.is_err() {
            // A request that does not arrive was never admitted: closing the connection loses nothing.
            self.connections.close_incomplete();
            self.tasks.wait().await;
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, shortage: &mut Shortage) {
        match self.connections.take_place(peer.ip()) {
            Some(place) => self.begin(stream, place),
            None => shortage.report("all connections within the limits execute requests"),
        }
    }

    /// Serves idle connections for a while: a request may be on its way, and each response now closes the connection.
    async fn linger(&self) {
        let until = Instant::now() + self.limits.linger;
        while !self.connections.is_empty() && Instant::now() < until {
            sleep(LINGER_POLL).await;
        }
    }

    /// Serves a connection in a separate task. A client that disconnects, or fails the TLS handshake, is not logged.
    fn begin(&self, stream: TcpStream, place: Place) {
        // Without this option small responses wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let connection = Arc::clone(&place.connection);
        let service = TrackedService {
            routes: self.routes.clone(),
            connection: Arc::clone(&connection),
            stopping: self.stopping.clone(),
        };
        let (http, tls, limits) = (self.http.clone(), self.tls.clone(), Arc::clone(&self.limits));
        let ending = self.ending.clone();
        self.tasks.spawn(async move {
            let serve = async {
                match tls {
                    None => serve(&http, stream, service, limits, ending).await,
                    Some(tls) => {
                        let acceptor = TlsAcceptor::from(tls.load_full());
                        if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                            serve(&http, stream, service, limits, ending).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = serve => {}
                () = connection.closed() => {}
            }
            drop(place);
        });
    }
}

/// Closes a socket, and returns the connections that the kernel has made and nobody has accepted.
fn close(socket: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut waiting = Vec::new();
    // The socket stays non-blocking.
    let Ok(socket) = socket.into_std() else { return waiting };
    loop {
        match socket.accept() {
            Ok((stream, peer)) => {
                let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                waiting.extend(stream.map(|stream| (stream, peer)));
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            // `WouldBlock`: there are no more.
            Err(_) => return waiting,
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    http: &http1::Builder,
    stream: S,
    service: TrackedService,
    limits: Arc<ListenerLimits>,
    ending: CancellationToken,
) {
    let place = Arc::clone(&service.connection);
    let stream = TimedStream::new(stream, Arc::clone(&place), limits);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // The failure of a connection is the client's.
        _ = connection.as_mut() => return,
        () = ending.cancelled() => {}
    }
    // hyper would end a connection on which a part of a head has arrived. The response to that request closes the connection.
    if place.phase() != Phase::Head {
        connection.as_mut().graceful_shutdown();
    }
    let _ = connection.await;
}

/// Logs a shortage of places at most once a minute.
#[derive(Default)]
struct Shortage {
    logged_at: Option<Instant>,
    since_then: u64,
}

impl Shortage {
    fn report(&mut self, why: &str) {
        self.since_then += 1;
        if self.logged_at.is_some_and(|at| at.elapsed() < LOG_PAUSE) {
            return;
        }
        tracing::warn!(why, refused = self.since_then, "connections are refused");
        self.logged_at = Some(Instant::now());
        self.since_then = 0;
    }
}
