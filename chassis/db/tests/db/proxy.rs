//! A proxy before Postgres that loses connections when it is told to.

use std::sync::Arc;
use std::time::Duration;

use offshoot_db::DatabaseUrl;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Everything passes.
    None,
    /// The COMMIT never reaches the server.
    LoseCommit,
    /// The COMMIT is executed, its answer is lost.
    LoseAnswer,
    /// All connections end now.
    Cut,
}

pub struct Proxy {
    pub url: DatabaseUrl,
    pub fault: Arc<watch::Sender<Fault>>,
}

impl Proxy {
    /// A proxy before the database at `upstream`.
    pub async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let options: PgConnectOptions = upstream.parse().expect("a URL");
        let port = listener.local_addr().expect("its address").port();
        let (user, database) = (options.get_username(), options.get_database().expect("a database"));
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}")
            .parse()
            .expect("a URL");
        let fault = Arc::new(watch::Sender::new(Fault::None));
        let faults = Arc::clone(&fault);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                tokio::spawn(serve(client, options.clone(), faults.subscribe()));
            }
        });
        Self { url, fault }
    }
}

async fn serve(client: TcpStream, options: PgConnectOptions, faults: watch::Receiver<Fault>) {
    let port = options.get_port();
    match options.get_socket() {
        Some(folder) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            relay(client, UnixStream::connect(path).await.expect("the server"), faults).await;
        }
        None => {
            let server = TcpStream::connect((options.get_host(), port))
                .await
                .expect("the server");
            relay(client, server, faults).await;
        }
    }
}

async fn relay(client: TcpStream, server: impl AsyncRead + AsyncWrite, mut faults: watch::Receiver<Fault>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let mut cut = faults.clone();
    let up = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from_client.read(&mut buffer).await.unwrap_or(0);
            let fault = *faults.borrow_and_update();
            let commits = buffer[..length].windows(6).any(|window| window == b"COMMIT");
            if length == 0 || (commits && fault == Fault::LoseCommit) {
                return;
            }
            if to_server.write_all(&buffer[..length]).await.is_err() {
                return;
            }
            if commits && fault == Fault::LoseAnswer {
                // Until the server has done it. Meanwhile `down` passes nothing on.
                tokio::time::sleep(Duration::from_millis(300)).await;
                return;
            }
        }
    };
    let answers = cut.clone();
    let down = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from_server.read(&mut buffer).await.unwrap_or(0);
            let lose = *answers.borrow() == Fault::LoseAnswer && buffer[..length].windows(6).any(|w| w == b"COMMIT");
            if lose {
                return std::future::pending().await;
            }
            if length == 0 || to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    let cut = cut.wait_for(|fault| *fault == Fault::Cut);
    tokio::select! { () = up => {}, () = down => {}, _ = cut => {} }
}
