//! Cuts the connection at eight points of a call, for each class, on fresh and pooled connections, and compares the
//! caller's failure with the effect on the server.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind};
use offshoot_rest::ExpectedStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::notes::{NotesApi, NotesServer, connect, cx, expect_failure, note_with_text, serve_notes};

/// The point at which the connection between client and server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// No connection: no process listens at the address.
    NoListener,
    /// Before anything of the request reaches the server.
    BeforeRequest,
    WithinRequestHead,
    WithinRequestBody,
    /// The whole request reaches the server, and the client's connection ends at once.
    AfterRequest,
    /// The server has responded, but no byte reaches the client.
    BeforeResponse,
    WithinResponseHead,
    WithinResponseBody,
}

const CUTS: [Cut; 8] = [
    Cut::NoListener,
    Cut::BeforeRequest,
    Cut::WithinRequestHead,
    Cut::WithinRequestBody,
    Cut::AfterRequest,
    Cut::BeforeResponse,
    Cut::WithinResponseHead,
    Cut::WithinResponseBody,
];

#[derive(Debug, Clone, Copy)]
enum Class {
    Safe,
    Idempotent,
    Unsafe,
}

/// A TCP proxy in front of a server. While armed with a cut, the proxy cuts the next call.
struct Proxy {
    address: SocketAddr,
    armed: Arc<Mutex<Option<Cut>>>,
    /// The accepting task, which owns all connections.
    running: AbortOnDropHandle<()>,
}

impl Proxy {
    async fn in_front_of(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let armed = Arc::default();
        let cuts = Arc::clone(&armed);
        let running = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((client, _)) = listener.accept().await {
                let relay = relay(client, server, Arc::clone(&cuts));
                connections.push(AbortOnDropHandle::new(tokio::spawn(async move {
                    relay.await;
                })));
            }
        }));
        Self {
            address,
            armed,
            running,
        }
    }

    /// Closes the listener and every connection, and gives the client time to notice.
    async fn shut_down(self) {
        drop(self.running);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Relays calls one after the other, until the first cut.
async fn relay(mut client: TcpStream, server: SocketAddr, armed: Arc<Mutex<Option<Cut>>>) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    loop {
        let request = read_message(&mut client).await?;
        let cut = armed.lock().unwrap().take();
        let passed = match cut {
            None => request.all(),
            Some(Cut::NoListener | Cut::BeforeRequest) => return None,
            Some(Cut::WithinRequestHead) => &request.bytes[..request.head / 2],
            Some(Cut::WithinRequestBody) => request.half(),
            Some(_) => request.all(),
        };
        server.write_all(passed).await.ok()?;
        if matches!(cut, Some(Cut::WithinRequestHead | Cut::WithinRequestBody)) {
            return None;
        }
        if cut == Some(Cut::AfterRequest) {
            drop(client);
            // Keeps the server's connection open until the server has responded, so that the request is read whole.
            read_message(&mut server).await;
            return None;
        }
        let response = read_message(&mut server).await?;
        let passed = match cut {
            None => response.all(),
            Some(Cut::WithinResponseHead) => &response.bytes[..response.head / 2],
            Some(Cut::WithinResponseBody) => response.half(),
            Some(_) => return None,
        };
        client.write_all(passed).await.ok()?;
        cut.map_or(Some(()), |_| None)?;
    }
}

/// An HTTP request or response.
struct Message {
    bytes: Vec<u8>,
    /// Length of the head in bytes, with the empty line.
    head: usize,
}

impl Message {
    fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// The message with half of its body; a message without body loses the last byte of the head.
    fn half(&self) -> &[u8] {
        let body = self.bytes.len() - self.head;
        let end = if body == 0 { self.head - 1 } else { self.head + body / 2 };
        &self.bytes[..end]
    }
}

/// Reads the next whole message; none if the connection ends first.
async fn read_message(from: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    loop {
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= head + length {
                return Some(Message { bytes, head });
            }
        }
        if from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn call(api: &dyn NotesApi, class: Class) -> CallFailure {
    let mut cx = cx();
    let failure = match class {
        Class::Safe => expect_failure(api.note(&mut cx, "n".to_owned()).await),
        Class::Idempotent => expect_failure(api.write(&mut cx, "cut".to_owned(), note_with_text("done")).await),
        Class::Unsafe => expect_failure(api.count_after(&mut cx, 0).await),
    };
    assert_eq!(
        cx.effects(),
        u32::from(failure.may_have_executed()),
        "{class:?}: {failure}"
    );
    failure
}

/// Whether the call took effect in the server.
fn took_effect(server: &NotesServer, class: Class) -> bool {
    match class {
        Class::Safe => false,
        Class::Idempotent => server.notes.notes.lock().unwrap().contains_key("cut"),
        Class::Unsafe => server.notes.counted.load(Ordering::SeqCst) > 0,
    }
}

async fn check_cut(cut: Cut, class: Class, pooled: bool) {
    let case = format!("{cut:?}, {class:?}, {}", if pooled { "pooled" } else { "fresh" });
    let server = serve_notes().await;
    let proxy = Proxy::in_front_of(server.address).await;
    let api = connect(proxy.address, &server.keys, ExpectedStore::exactly(server.store_id));
    if pooled {
        let other = "other".to_owned();
        api.write(&mut cx(), other.clone(), note_with_text("there"))
            .await
            .unwrap();
        api.note(&mut cx(), other).await.unwrap();
    }
    *proxy.armed.lock().unwrap() = Some(cut);
    if cut == Cut::NoListener {
        proxy.shut_down().await;
    }
    let failure = call(&*api, class).await;

    // The server executed the call exactly if the whole request arrived.
    let arrived = matches!(
        cut,
        Cut::AfterRequest | Cut::BeforeResponse | Cut::WithinResponseHead | Cut::WithinResponseBody
    );
    let expected = arrived && !matches!(class, Class::Safe);
    let give_up = tokio::time::Instant::now() + Duration::from_secs(5);
    while took_effect(&server, class) != expected && tokio::time::Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took_effect = took_effect(&server, class);
    assert_eq!(took_effect, expected, "{case}");
    assert!(
        failure.may_have_executed() || !took_effect,
        "{case} took effect: {failure}"
    );

    // The failure says "not executed" where the client can know: nothing was sent, or the call is safe.
    let (kind, sent) = match cut {
        Cut::NoListener => (FailureKind::Unavailable, false),
        _ => (FailureKind::ConnectionLost, true),
    };
    assert_eq!(*failure.kind(), kind, "{case}: {failure}");
    assert_eq!(
        failure.may_have_executed(),
        sent && !matches!(class, Class::Safe),
        "{case}"
    );
}

#[tokio::test]
async fn a_failure_never_claims_not_executed_for_a_call_that_took_effect() {
    for cut in CUTS {
        for class in [Class::Safe, Class::Idempotent, Class::Unsafe] {
            for pooled in [false, true] {
                check_cut(cut, class, pooled).await;
            }
        }
    }
}
