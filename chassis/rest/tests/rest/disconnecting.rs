//! A client that goes away in the middle of a call.

use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::{CallContext, FailureKind};

use crate::notes::{failure_of, served};

const CALLER_LEAVES: Duration = Duration::from_millis(60);
const ALL_IS_OVER: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_change_runs_to_its_end_and_a_safe_call_does_not() {
    let store = served().await;
    let api = store.client();
    let mut cx = CallContext::root("test");
    assert!(
        tokio::time::timeout(CALLER_LEAVES, api.wait(&mut cx, 200))
            .await
            .is_err()
    );
    tokio::time::sleep(ALL_IS_OVER).await;
    assert_eq!(store.notes.counted.load(Ordering::SeqCst), 0);
    assert!(
        tokio::time::timeout(CALLER_LEAVES, api.count_after(&mut cx, 200))
            .await
            .is_err()
    );
    tokio::time::sleep(ALL_IS_OVER).await;
    assert_eq!(store.notes.counted.load(Ordering::SeqCst), 1);
    assert_eq!(cx.effects(), 1);
}

#[tokio::test]
async fn the_deadline_travels_and_ends_the_call_on_the_server() {
    let store = served().await;
    let mut cx = CallContext::root("test").with_timeout(Duration::from_millis(100));
    let failure = failure_of(store.client().count_after(&mut cx, 1_000).await);
    assert_eq!(failure.kind(), &FailureKind::Timeout);
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(
        store.notes.counted.load(Ordering::SeqCst),
        0,
        "the server stopped at the deadline"
    );
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for_beyond_the_deadline() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let store = served().await;
    let mut stream = tokio::net::TcpStream::connect(store.address).await.unwrap();
    let head = format!(
        "PUT /modules/notes/v1/notes/n HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\noffshoot-deadline-ms: 200\r\ncontent-length: 90\r\n\r\n{{",
        store.key.of("notes").token("test")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 504");
}
