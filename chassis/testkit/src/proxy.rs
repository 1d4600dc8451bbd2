//! Fault proxy in front of Postgres: drops connections, COMMITs and responses to COMMIT on demand.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// Bytes per read.
const BUFFER: usize = 64 << 10;
/// Time for the server to execute a COMMIT before the connection is dropped.
const COMMIT_GRACE: Duration = Duration::from_millis(300);

/// Fault injected into connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Drop the connection before the COMMIT reaches the server.
    LoseCommit,
    /// Execute one in this many COMMITs, then drop the connection before the response reaches the client.
    LoseResponseOfOneIn(u32),
    /// Close all connections now.
    Disconnect,
}

/// Fault proxy. Runs as long as the runtime in which the proxy was started.
pub struct FaultProxy {
    /// URL of the database through the proxy.
    pub url: String,
    /// Fault for all connections from now on.
    pub fault: watch::Sender<Fault>,
    lost: Arc<AtomicU32>,
    upstream: watch::Sender<PgConnectOptions>,
    /// Number of times that all connections were forgotten.
    forgotten: watch::Sender<u32>,
}

impl FaultProxy {
    /// Starts a proxy in front of the database at `upstream`.
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let options: PgConnectOptions = upstream.parse().expect("the upstream is a valid Postgres URL");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let (user, database) = (
            options.get_username(),
            options.get_database().expect("the URL names a database"),
        );
        // In plain text, so that the proxy sees each COMMIT.
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}?sslmode=disable");
        let (fault, faults) = watch::channel(Fault::None);
        let (commits, lost) = (Arc::new(AtomicU32::new(0)), Arc::default());
        let counted = Arc::clone(&lost);
        let (upstream, upstreams) = watch::channel(options.clone());
        let (forgotten, forgettings) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("the listener accepts");
                let mut forgotten = forgettings.clone();
                forgotten.mark_unchanged();
                let relay = Relay {
                    faults: faults.clone(),
                    commits: Arc::clone(&commits),
                    lost: Arc::clone(&counted),
                    forgotten,
                };
                let upstream = upstreams.borrow().clone();
                tokio::spawn(relay.serve(client, upstream));
            }
        });
        Self {
            url,
            fault,
            lost,
            upstream,
            forgotten,
        }
    }

    /// Leads new connections to the server of another URL.
    pub fn lead_to(&self, upstream: &str) {
        let options = upstream.parse().expect("the upstream is a valid Postgres URL");
        self.upstream.send_replace(options);
    }

    /// Drops all further packets of the connections that are open now, without a word to either side, as a firewall does
    /// after a restart. New connections work.
    pub fn forget_connections(&self) {
        self.forgotten.send_modify(|times| *times += 1);
    }

    /// Number of COMMIT responses lost so far.
    #[must_use]
    pub fn lost_responses(&self) -> u32 {
        self.lost.load(Relaxed)
    }
}

/// One proxied connection.
struct Relay {
    faults: watch::Receiver<Fault>,
    /// COMMITs of all connections.
    commits: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
    forgotten: watch::Receiver<u32>,
}

impl Relay {
    async fn serve(self, client: TcpStream, options: PgConnectOptions) {
        let port = options.get_port();
        // A server that does not run refuses connections, and so does the proxy.
        match options.get_socket() {
            Some(folder) => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                if let Ok(server) = UnixStream::connect(path).await {
                    self.relay(client, server).await;
                }
            }
            None => {
                if let Ok(server) = TcpStream::connect((options.get_host(), port)).await {
                    self.relay(client, server).await;
                }
            }
        }
    }

    async fn relay(self, client: TcpStream, server: impl AsyncRead + AsyncWrite) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let silent = AtomicBool::new(false);
        let up = async {
            let mut buffer = vec![0; BUFFER];
            loop {
                let length = from_client.read(&mut buffer).await.unwrap_or(0);
                let commits = buffer[..length].windows(6).any(|window| window == b"COMMIT");
                let fault = *self.faults.borrow();
                if length == 0 || (commits && fault == Fault::LoseCommit) {
                    return;
                }
                let loses = commits && self.loses_response(fault);
                silent.store(loses, Relaxed);
                if to_server.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
                if loses {
                    self.lost.fetch_add(1, Relaxed);
                    // Waits until the server has committed. Meanwhile `down` forwards nothing.
                    tokio::time::sleep(COMMIT_GRACE).await;
                    return;
                }
            }
        };
        let down = async {
            let mut buffer = vec![0; BUFFER];
            loop {
                let length = from_server.read(&mut buffer).await.unwrap_or(0);
                if silent.load(Relaxed) {
                    return std::future::pending().await;
                }
                if length == 0 || to_client.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        };
        let mut faults = self.faults.clone();
        let cut = faults.wait_for(|fault| *fault == Fault::Disconnect);
        let mut forgotten = self.forgotten.clone();
        let is_forgotten = tokio::select! {
            () = up => false,
            () = down => false,
            _ = cut => false,
            changed = forgotten.changed() => changed.is_ok(),
        };
        if is_forgotten {
            // Both sockets stay open, and neither side hears of the other.
            std::future::pending::<()>().await;
        }
    }

    fn loses_response(&self, fault: Fault) -> bool {
        match fault {
            Fault::LoseResponseOfOneIn(commits) => (self.commits.fetch_add(1, Relaxed) + 1).is_multiple_of(commits),
            _ => false,
        }
    }
}
