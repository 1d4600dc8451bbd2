//! A proxy before Postgres that loses connections when it is told to.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

const BUFFER: usize = 64 << 10;
/// Longer than a COMMIT takes.
const TO_COMMIT: Duration = Duration::from_millis(300);

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Everything passes.
    None,
    /// The COMMIT never reaches the server.
    LoseCommit,
    /// Of so many COMMITs, one is executed and its answer is lost.
    LoseAnswerOfOneIn(u32),
    /// All connections end now.
    Cut,
}

/// A proxy that runs as long as the runtime that it was made in.
pub struct Proxy {
    /// The database behind it.
    pub url: String,
    /// What happens to connections from now on.
    pub fault: watch::Sender<Fault>,
    lost: Arc<AtomicU32>,
}

impl Proxy {
    /// A proxy before the database at `upstream`.
    pub async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let options: PgConnectOptions = upstream.parse().expect("a URL");
        let port = listener.local_addr().expect("its address").port();
        let (user, database) = (options.get_username(), options.get_database().expect("a database"));
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}");
        let (fault, faults) = watch::channel(Fault::None);
        let (commits, lost) = (Arc::new(AtomicU32::new(0)), Arc::default());
        let counted = Arc::clone(&lost);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                let relay = Relay {
                    faults: faults.clone(),
                    commits: Arc::clone(&commits),
                    lost: Arc::clone(&counted),
                };
                tokio::spawn(relay.serve(client, options.clone()));
            }
        });
        Self { url, fault, lost }
    }

    /// How many answers to COMMIT were lost so far.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.lost.load(Relaxed)
    }
}

/// One connection.
struct Relay {
    faults: watch::Receiver<Fault>,
    /// Of all connections.
    commits: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
}

impl Relay {
    async fn serve(self, client: TcpStream, options: PgConnectOptions) {
        let port = options.get_port();
        match options.get_socket() {
            Some(folder) => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                self.relay(client, UnixStream::connect(path).await.expect("the server"))
                    .await;
            }
            None => {
                let server = TcpStream::connect((options.get_host(), port)).await;
                self.relay(client, server.expect("the server")).await;
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
                let loses = commits && self.loses_answer(fault);
                silent.store(loses, Relaxed);
                if to_server.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
                if loses {
                    self.lost.fetch_add(1, Relaxed);
                    // Until the server has done it. Meanwhile `down` passes nothing on.
                    tokio::time::sleep(TO_COMMIT).await;
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
        let cut = faults.wait_for(|fault| *fault == Fault::Cut);
        tokio::select! { () = up => {}, () = down => {}, _ = cut => {} }
    }

    fn loses_answer(&self, fault: Fault) -> bool {
        match fault {
            Fault::LoseAnswerOfOneIn(many) => (self.commits.fetch_add(1, Relaxed) + 1).is_multiple_of(many),
            _ => false,
        }
    }
}
