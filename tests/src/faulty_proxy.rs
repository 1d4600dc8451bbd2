//! Fault-injecting TCP proxy in front of a process: delays, invalid responses, cut and forgotten connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::WriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The fault injected into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Requests are forwarded.
    None,
    /// Requests are forwarded after this delay.
    Slow(Duration),
    /// One request in `one_in` is forwarded after a delay, the others at once.
    SlowTail {
        /// Requests of which one is slow.
        one_in: u32,
        /// The delay.
        delay: Duration,
    },
    /// No response; the connection stays open.
    Silent,
    /// Half of the response; the connection stays open.
    Stalled,
    /// The proxy closes the response half of the connection.
    HalfClosed,
    /// The response is not HTTP.
    Garbage,
    /// Status 500 with a truncated HTML body.
    WrongStatus,
    /// Status 200 with truncated JSON of the wrong shape.
    WrongBody,
    /// Status 200 with a body that never ends.
    Endless,
    /// This status with an HTML page, as a gateway answers without a process behind.
    Gateway(u16),
    /// The module answers requests whose path contains `path` with this problem.
    Problem {
        /// Part of a request path.
        path: &'static str,
        /// HTTP status.
        status: u16,
        /// Code of the problem.
        code: &'static str,
    },
}

impl Fault {
    /// Every fault that all requests meet and that never passes by itself.
    pub const ALL: [Self; 8] = [
        Self::Slow(Duration::from_millis(400)),
        Self::Silent,
        Self::HalfClosed,
        Self::Garbage,
        Self::WrongStatus,
        Self::WrongBody,
        Self::Endless,
        Self::Gateway(503),
    ];
}

/// The next bytes on a connection that the proxy has forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// A reset.
    Reset,
    /// Nothing: the bytes are taken, and nobody answers.
    Silent,
}

/// A TCP proxy in front of one process. The proxy runs until the tokio runtime ends.
#[derive(Debug)]
pub struct FaultyProxy {
    /// The proxy's URL.
    pub url: String,
    /// Selects the fault for all requests from now on.
    pub fault: watch::Sender<Fault>,
    cuts: watch::Sender<()>,
    forgotten: watch::Sender<Option<Forgotten>>,
    counts: Arc<Counts>,
}

/// Requests since the proxy was started.
#[derive(Debug, Default)]
struct Counts {
    all: AtomicU32,
    stalled: AtomicU32,
}

impl FaultyProxy {
    /// Starts a proxy in front of the process at `address` (host and port).
    pub async fn in_front_of(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!(
            "http://{}",
            listener.local_addr().expect("a bound listener has an address")
        );
        let (fault, faults) = watch::channel(Fault::None);
        let cuts = watch::Sender::new(());
        let forgotten = watch::Sender::new(None);
        let counts = Arc::default();
        let (cutting, forgetting, counting) = (cuts.clone(), forgotten.clone(), Arc::clone(&counts));
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A new connection ignores earlier cuts, and is not forgotten.
                let mut cut = cutting.subscribe();
                let relay = Relay {
                    address: address.clone(),
                    faults: faults.clone(),
                    forgotten: forgetting.subscribe(),
                    counts: Arc::clone(&counting),
                };
                tokio::spawn(async move {
                    // Ended connections are expected here, so errors are ignored.
                    tokio::select! {
                        _ = relay.run(client) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self {
            url,
            fault,
            cuts,
            forgotten,
            counts,
        }
    }

    /// Cuts every open connection, at whatever point of a request or response.
    pub fn cut_connections(&self) {
        self.cuts.send_replace(());
    }

    /// Forgets every open connection, as a firewall or a load balancer does after a restart. New connections work.
    pub fn forget_connections(&self, how: Forgotten) {
        self.forgotten.send_replace(Some(how));
    }

    /// Requests that have arrived.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.counts.all.load(Ordering::SeqCst)
    }

    /// Requests that got half of a response.
    #[must_use]
    pub fn stalled(&self) -> u32 {
        self.counts.stalled.load(Ordering::SeqCst)
    }
}

/// One connection.
struct Relay {
    address: String,
    faults: watch::Receiver<Fault>,
    forgotten: watch::Receiver<Option<Forgotten>>,
    counts: Arc<Counts>,
}

impl Relay {
    async fn run(mut self, mut client: TcpStream) -> std::io::Result<()> {
        let (mut from_server, mut to_server) = TcpStream::connect(&self.address).await?.into_split();
        let mut request = vec![0; 64 << 10];
        let mut response = vec![0; 64 << 10];
        // The fault of the response on its way.
        let mut expected = Fault::None;
        loop {
            let (mut from_client, mut to_client) = client.split();
            let length = tokio::select! {
                length = from_client.read(&mut request) => length?,
                length = from_server.read(&mut response) => {
                    let length = length?;
                    if length == 0 {
                        return Ok(());
                    }
                    self.respond(&response[..length], expected, &mut to_client).await?;
                    continue;
                }
            };
            if length == 0 {
                return Ok(());
            }
            if self.forgotten.has_changed().is_ok_and(|has_changed| has_changed) {
                let how = *self.forgotten.borrow_and_update();
                if how == Some(Forgotten::Silent) {
                    return std::future::pending().await;
                }
                client.set_zero_linger()?;
                return Ok(());
            }
            let number = self.counts.all.fetch_add(1, Ordering::SeqCst);
            let fault = *self.faults.borrow();
            if inject(fault, number, &mut to_client).await? {
                return Ok(());
            }
            expected = match fault {
                Fault::Problem { path, .. } if !contains(&request[..length], path) => Fault::None,
                fault => fault,
            };
            to_server.write_all(&request[..length]).await?;
        }
    }

    /// Passes a response on, or a part of it, or another one in its place.
    async fn respond(&self, response: &[u8], fault: Fault, to_client: &mut WriteHalf<'_>) -> std::io::Result<()> {
        match fault {
            Fault::Stalled => {
                to_client.write_all(&response[..response.len() / 2]).await?;
                self.counts.stalled.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            }
            Fault::Problem { status, code, .. } => {
                to_client.write_all(problem(response, status, code).as_bytes()).await
            }
            _ => to_client.write_all(response).await,
        }
    }
}

/// Delays a request, or answers in place of the server: true if the connection is to end.
async fn inject(fault: Fault, number: u32, to_client: &mut WriteHalf<'_>) -> std::io::Result<bool> {
    match fault {
        Fault::Slow(delay) => tokio::time::sleep(delay).await,
        Fault::SlowTail { one_in, delay } if number.is_multiple_of(one_in) => tokio::time::sleep(delay).await,
        Fault::None | Fault::SlowTail { .. } | Fault::Stalled | Fault::Problem { .. } => {}
        Fault::Silent => return std::future::pending().await,
        Fault::HalfClosed => {
            to_client.shutdown().await?;
            return std::future::pending().await;
        }
        Fault::Endless => {
            to_client
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
            loop {
                to_client.write_all(chunk.as_bytes()).await?;
            }
        }
        Fault::Garbage => return answer(to_client, "\0\u{17} garbage\r\n\r\n").await,
        Fault::WrongStatus => return answer(to_client, "HTTP/1.1 500 Oops\r\ncontent-length: 6\r\n\r\n<html>").await,
        Fault::WrongBody => {
            let json =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{\"units\":\"ten\"";
            return answer(to_client, json).await;
        }
        Fault::Gateway(status) => {
            let page = "<html><h1>No server is available.</h1></html>";
            let head = format!("HTTP/1.1 {status} Gateway\r\ncontent-type: text/html\r\nconnection: close\r\n");
            return answer(
                to_client,
                &format!("{head}content-length: {}\r\n\r\n{page}", page.len()),
            )
            .await;
        }
    }
    Ok(false)
}

async fn answer(to_client: &mut WriteHalf<'_>, text: &str) -> std::io::Result<bool> {
    to_client.write_all(text.as_bytes()).await?;
    Ok(true)
}

/// A problem with the identity header of the module's own response.
fn problem(response: &[u8], status: u16, code: &str) -> String {
    let response = String::from_utf8_lossy(response);
    let identity = response.lines().find(|line| line.starts_with("offshoot-contract:"));
    let body = json!({ "status": status, "code": code, "may_have_executed": false, "retry_after_ms": 1 }).to_string();
    format!(
        "HTTP/1.1 {status} Problem\r\n{}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\r\n{body}",
        identity.unwrap_or("no-identity: 1"),
        body.len()
    )
}

fn contains(request: &[u8], path: &str) -> bool {
    request.windows(path.len()).any(|window| window == path.as_bytes())
}
