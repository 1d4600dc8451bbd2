//! A client that disconnects during a call, and deadlines on the server.

use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::{CallContext, FailureKind};

use crate::notes::{expect_failure, serve_notes};

const DISCONNECT_AFTER: Duration = Duration::from_millis(60);
const CALL_ENDED: Duration = Duration::from_millis(500);

#[tokio::test]
async fn after_a_disconnect_a_change_runs_to_its_end_and_a_safe_call_is_cancelled() {
    let server = serve_notes().await;
    let api = server.client();
    let mut cx = CallContext::root("test");
    assert!(
        tokio::time::timeout(DISCONNECT_AFTER, api.wait(&mut cx, 200))
            .await
            .is_err()
    );
    tokio::time::sleep(CALL_ENDED).await;
    assert_eq!(server.notes.counted.load(Ordering::SeqCst), 0);
    assert!(
        tokio::time::timeout(DISCONNECT_AFTER, api.count_after(&mut cx, 200))
            .await
            .is_err()
    );
    tokio::time::sleep(CALL_ENDED).await;
    assert_eq!(server.notes.counted.load(Ordering::SeqCst), 1);
    assert_eq!(cx.effects(), 1);
}

#[tokio::test]
async fn the_server_stops_a_call_at_the_callers_deadline() {
    let server = serve_notes().await;
    let mut cx = CallContext::root("test").with_timeout(Duration::from_millis(100));
    let failure = expect_failure(server.client().count_after(&mut cx, 1_000).await);
    assert_eq!(failure.kind(), &FailureKind::Timeout);
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(
        server.notes.counted.load(Ordering::SeqCst),
        0,
        "the server ran past the deadline"
    );
}

#[tokio::test]
async fn an_unfinished_body_times_out_at_the_deadline() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let server = serve_notes().await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PUT /modules/notes/v1/notes/n HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\noffshoot-deadline-ms: 200\r\ncontent-length: 90\r\n\r\n{{",
        server.keys.for_module("notes").issue_token("test")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 504");
}
