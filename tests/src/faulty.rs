//! A proxy before a process, which answers in its place in ways in which no process should.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// They are passed on.
    None,
    /// They are passed on after a while.
    Slow(Duration),
    /// No answer, and the connection stays.
    Silent,
    /// The answering half of the connection ends.
    HalfClosed,
    /// Bytes that are no HTTP.
    Garbage,
    /// A page of something else.
    WrongStatus,
    /// Success, and a body of the wrong shape.
    WrongBody,
    /// A body without end.
    Endless,
}

impl Fault {
    /// Each that is one.
    pub const ALL: [Self; 7] = [
        Self::Slow(Duration::from_millis(400)),
        Self::Silent,
        Self::HalfClosed,
        Self::Garbage,
        Self::WrongStatus,
        Self::WrongBody,
        Self::Endless,
    ];
}

/// Runs as long as the runtime that it was made in.
#[derive(Debug)]
pub struct FaultyProxy {
    /// Where it answers.
    pub url: String,
    /// What happens to requests from now on.
    pub fault: watch::Sender<Fault>,
    cuts: watch::Sender<()>,
}

impl FaultyProxy {
    /// Before the process at `address` (host and port).
    pub async fn before(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (fault, faults) = watch::channel(Fault::None);
        let cuts = watch::Sender::new(());
        let cutting = cuts.clone();
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // What was cut before is nothing to this one.
                let (address, faults, mut cut) = (address.clone(), faults.clone(), cutting.subscribe());
                tokio::spawn(async move {
                    // A connection that ends is what this is about.
                    tokio::select! {
                        _ = relay(client, &address, faults) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { url, fault, cuts }
    }

    /// Ends every connection that there is, wherever what goes over it has come.
    pub fn cut(&self) {
        self.cuts.send_replace(());
    }
}

async fn relay(client: TcpStream, address: &str, faults: watch::Receiver<Fault>) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(address).await?.into_split();
    let mut bytes = vec![0; 64 << 10];
    let mut answer = vec![0; 64 << 10];
    loop {
        let length = tokio::select! {
            length = from_client.read(&mut bytes) => length?,
            length = from_server.read(&mut answer) => {
                let length = length?;
                if length == 0 {
                    return Ok(());
                }
                to_client.write_all(&answer[..length]).await?;
                continue;
            }
        };
        if length == 0 {
            return Ok(());
        }
        let fault = *faults.borrow();
        let text: &[u8] = match fault {
            Fault::None => b"",
            Fault::Slow(pause) => {
                tokio::time::sleep(pause).await;
                b""
            }
            Fault::Silent => return std::future::pending().await,
            Fault::HalfClosed => {
                to_client.shutdown().await?;
                return std::future::pending().await;
            }
            Fault::Garbage => b"\x00\xff\x17 what?\r\n\r\n",
            Fault::WrongStatus => b"HTTP/1.1 500 Oops\r\ncontent-length: 6\r\n\r\n<html>",
            Fault::WrongBody => {
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{\"units\":\"ten\""
            }
            Fault::Endless => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        };
        if text.is_empty() {
            to_server.write_all(&bytes[..length]).await?;
            continue;
        }
        to_client.write_all(text).await?;
        if fault != Fault::Endless {
            return Ok(());
        }
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
        loop {
            to_client.write_all(chunk.as_bytes()).await?;
        }
    }
}
