//! Fault-injecting TCP proxy in front of a process: delays, invalid responses, cut connections.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The fault injected into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Requests are forwarded.
    None,
    /// Requests are forwarded after this delay.
    Slow(Duration),
    /// No response; the connection stays open.
    Silent,
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
}

impl Fault {
    /// Every fault, without [`Fault::None`].
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

/// A TCP proxy in front of one process. The proxy runs until the tokio runtime ends.
#[derive(Debug)]
pub struct FaultyProxy {
    /// The proxy's URL.
    pub url: String,
    /// Selects the fault for all requests from now on.
    pub fault: watch::Sender<Fault>,
    cuts: watch::Sender<()>,
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
        let cutting = cuts.clone();
        let address = address.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A new connection ignores earlier cuts.
                let (address, faults, mut cut) = (address.clone(), faults.clone(), cutting.subscribe());
                tokio::spawn(async move {
                    // Ended connections are expected here, so errors are ignored.
                    tokio::select! {
                        _ = relay(client, &address, faults) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { url, fault, cuts }
    }

    /// Cuts every open connection, at whatever point of a request or response.
    pub fn cut_connections(&self) {
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
            Fault::Garbage => b"\x00\xff\x17 garbage\r\n\r\n",
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
