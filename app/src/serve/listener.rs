//! A listening socket: accepts connections, limits their number, and lets each end after its last response.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Largest number of connections. Each costs a few kilobytes; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4_096;
/// Time limit for a request's head, and for an idle connection. Longer than contract clients keep idle connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// Time limit for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after an accept that failed because no file descriptor was left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    pub(super) async fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> anyhow::Result<Self> {
        let socket = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}: stop the process that listens there, or choose another port with --listen ADDR (port 0 takes a free one)")
        })?;
        let address = socket.local_addr()?;
        let tls = tls.map(TlsAcceptor::from);
        Ok(Self { socket, address, tls })
    }

    /// URL of the socket: `http://127.0.0.1:7070`.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Address of the socket, with the chosen port.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `closing`, then until the last connection has ended.
    pub(super) fn serve(self, routes: Router, closing: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(async move {
            let graceful = GracefulShutdown::new();
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .half_close(false);
            let mut closed = pin!(closing.cancelled());
            loop {
                // Both waits end when the process stops: for a permit, and for the next connection.
                let next = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    (place, self.socket.accept().await)
                };
                let (place, accepted) = tokio::select! {
                    next = next => next,
                    () = &mut closed => break,
                };
                let (stream, _) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                // Without this option small responses wait for the client's acknowledgement.
                let _ = stream.set_nodelay(true);
                let service = TowerToHyperService::new(routes.clone());
                let (http, watcher, tls) = (http.clone(), graceful.watcher(), self.tls.clone());
                // A client that disconnects, or fails the TLS handshake, is not logged.
                tokio::spawn(async move {
                    let _place = place;
                    let Some(tls) = tls else {
                        let connection = http.serve_connection(TokioIo::new(stream), service);
                        return drop(watcher.watch(connection).await);
                    };
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                        let connection = http.serve_connection(TokioIo::new(stream), service);
                        drop(watcher.watch(connection).await);
                    }
                });
            }
            drop(self.socket);
            graceful.shutdown().await;
        })
    }
}
