//! Where a connection can end during a call, for each class, on a connection that is new and on one that was used before:
//! what the caller is told about its call, compared with what the server did.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind};
use offshoot_rest::ExpectedStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::notes::{NotesApi, Served, a_note, client_of, cx, failure_of, served};

/// Where the connection between client and server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// There is none: nobody listens.
    NobodyListens,
    /// Before anything of the request reaches the server.
    BeforeRequest,
    WithinRequestHead,
    WithinRequestBody,
    /// The whole request reaches the server, and nobody waits for the answer.
    AfterRequest,
    /// The server has answered, and nothing of it reaches the client.
    BeforeAnswer,
    WithinAnswerHead,
    WithinAnswerBody,
}

const CUTS: [Cut; 8] = [
    Cut::NobodyListens,
    Cut::BeforeRequest,
    Cut::WithinRequestHead,
    Cut::WithinRequestBody,
    Cut::AfterRequest,
    Cut::BeforeAnswer,
    Cut::WithinAnswerHead,
    Cut::WithinAnswerBody,
];

#[derive(Debug, Clone, Copy)]
enum Class {
    Safe,
    Idempotent,
    Unsafe,
}

/// A proxy before a server, which cuts one call when it is armed.
struct Proxy {
    address: SocketAddr,
    armed: Arc<Mutex<Option<Cut>>>,
    /// Accepts, and has all its connections.
    running: AbortOnDropHandle<()>,
}

impl Proxy {
    async fn before(server: SocketAddr) -> Self {
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

    /// Ends it and every connection, and waits until the client has seen that.
    async fn end(self) {
        drop(self.running);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Passes calls on, one after the other; none once a cut has happened.
async fn relay(mut client: TcpStream, server: SocketAddr, armed: Arc<Mutex<Option<Cut>>>) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    loop {
        let request = message(&mut client).await?;
        let cut = armed.lock().unwrap().take();
        let passed = match cut {
            None => request.all(),
            Some(Cut::NobodyListens | Cut::BeforeRequest) => return None,
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
            // The server finds out when it has answered, and not before it has read the request.
            message(&mut server).await;
            return None;
        }
        let answer = message(&mut server).await?;
        let passed = match cut {
            None => answer.all(),
            Some(Cut::WithinAnswerHead) => &answer.bytes[..answer.head / 2],
            Some(Cut::WithinAnswerBody) => answer.half(),
            Some(_) => return None,
        };
        client.write_all(passed).await.ok()?;
        cut.map_or(Some(()), |_| None)?;
    }
}

/// A request or an answer.
struct Message {
    bytes: Vec<u8>,
    /// Bytes of the head, with its empty line.
    head: usize,
}

impl Message {
    fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// Half of the body; of a message without one, what lacks one byte.
    fn half(&self) -> &[u8] {
        let body = self.bytes.len() - self.head;
        let end = if body == 0 { self.head - 1 } else { self.head + body / 2 };
        &self.bytes[..end]
    }
}

/// The next whole message; none where the connection ends first.
async fn message(from: &mut TcpStream) -> Option<Message> {
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
        Class::Safe => failure_of(api.note(&mut cx, "n".to_owned()).await),
        Class::Idempotent => failure_of(api.write(&mut cx, "cut".to_owned(), a_note("done")).await),
        Class::Unsafe => failure_of(api.count_after(&mut cx, 0).await),
    };
    assert_eq!(
        cx.effects(),
        u32::from(failure.may_have_executed()),
        "{class:?}: {failure}"
    );
    failure
}

/// Whether the call took effect in the server.
fn took_effect(served: &Served, class: Class) -> bool {
    match class {
        Class::Safe => false,
        Class::Idempotent => served.notes.notes.lock().unwrap().contains_key("cut"),
        Class::Unsafe => served.notes.counted.load(Ordering::SeqCst) > 0,
    }
}

async fn cell(cut: Cut, class: Class, pooled: bool) {
    let what = format!("{cut:?}, {class:?}, {}", if pooled { "pooled" } else { "fresh" });
    let served = served().await;
    let proxy = Proxy::before(served.address).await;
    let api = client_of(proxy.address, &served.key, ExpectedStore::exactly(served.store));
    if pooled {
        let other = "other".to_owned();
        api.write(&mut cx(), other.clone(), a_note("there")).await.unwrap();
        api.note(&mut cx(), other).await.unwrap();
    }
    *proxy.armed.lock().unwrap() = Some(cut);
    if cut == Cut::NobodyListens {
        proxy.end().await;
    }
    let failure = call(&*api, class).await;

    // What reached the server whole was executed, and nothing else.
    let arrived = matches!(
        cut,
        Cut::AfterRequest | Cut::BeforeAnswer | Cut::WithinAnswerHead | Cut::WithinAnswerBody
    );
    let expected = arrived && !matches!(class, Class::Safe);
    let give_up = tokio::time::Instant::now() + Duration::from_secs(5);
    while took_effect(&served, class) != expected && tokio::time::Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took_effect = took_effect(&served, class);
    assert_eq!(took_effect, expected, "{what}");
    assert!(
        failure.may_have_executed() || !took_effect,
        "{what} took effect: {failure}"
    );

    // It says "not executed" where that can be known: nothing was sent, or there is no effect that could have been.
    let (kind, sent) = match cut {
        Cut::NobodyListens => (FailureKind::Unavailable, false),
        _ => (FailureKind::ConnectionLost, true),
    };
    assert_eq!(*failure.kind(), kind, "{what}: {failure}");
    assert_eq!(
        failure.may_have_executed(),
        sent && !matches!(class, Class::Safe),
        "{what}"
    );
}

#[tokio::test]
async fn a_caller_is_told_the_truth_wherever_the_connection_ends() {
    for cut in CUTS {
        for class in [Class::Safe, Class::Idempotent, Class::Unsafe] {
            for pooled in [false, true] {
                cell(cut, class, pooled).await;
            }
        }
    }
}
