//! Servers that break off, answer garbage, or never end: what the caller is told.

use std::net::SocketAddr;
use std::time::Duration;

use offshoot_contract::{CallContext, FailureKind};
use offshoot_rest::{ExpectedStore, ServiceKeys};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::notes::{client_of, failure_of};

/// Reads a request's first bytes, then does what `answer` does with the connection.
async fn server<F, Fut>(answer: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            answer(stream).await;
        }
    });
    address
}

/// What a safe and an unsafe call to `address` fail with, and whether each may have executed.
async fn both(address: SocketAddr) -> [(FailureKind, bool); 2] {
    let api = client_of(address, &ServiceKeys::random(), ExpectedStore::exactly(Uuid::nil()));
    let cx = || CallContext::root("test").with_timeout(Duration::from_millis(500));
    let safe = failure_of(api.note(&mut cx(), "n".to_owned()).await);
    let mut context = cx();
    let change = failure_of(api.count_after(&mut context, 0).await);
    assert_eq!(context.effects(), u32::from(change.may_have_executed()));
    [safe, change].map(|failure| (failure.kind().clone(), failure.may_have_executed()))
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer() {
    let address = server(|stream| async { drop(stream) }).await;
    assert_eq!(
        both(address).await,
        [
            (FailureKind::ConnectionLost, false),
            (FailureKind::ConnectionLost, true)
        ]
    );
}

#[tokio::test]
async fn a_connection_that_ends_within_the_answer() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"te";
    let address = server(move |mut stream| async move { stream.write_all(half.as_bytes()).await.unwrap() }).await;
    assert_eq!(
        both(address).await,
        [
            (FailureKind::ConnectionLost, false),
            (FailureKind::ConnectionLost, true)
        ]
    );
}

#[tokio::test]
async fn an_answer_that_never_comes() {
    let address = server(|stream| async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(stream);
    })
    .await;
    assert_eq!(
        both(address).await,
        [(FailureKind::Timeout, false), (FailureKind::Timeout, true)]
    );
}

#[tokio::test]
async fn an_answer_of_something_else() {
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let address = server(move |mut stream| async move { stream.write_all(page.as_bytes()).await.unwrap() }).await;
    assert_eq!(
        both(address).await,
        [(FailureKind::WrongContract, false), (FailureKind::WrongContract, true)]
    );
}

#[tokio::test]
async fn an_answer_that_is_no_http() {
    let address = server(|mut stream| async move { stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").await.unwrap() }).await;
    assert_eq!(
        both(address).await,
        [
            (FailureKind::ConnectionLost, false),
            (FailureKind::ConnectionLost, true)
        ]
    );
}

#[tokio::test]
async fn an_answer_without_end() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\noffshoot-contract: notes/1 store=00000000-0000-0000-0000-000000000000\r\n\r\n";
    let address = server(move |mut stream| async move {
        let _ = stream.write_all(head.as_bytes()).await;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
        // More than any client reads, so that the test ends even if the client reads on.
        for _ in 0..1_000 {
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
    })
    .await;
    assert_eq!(
        both(address).await,
        [(FailureKind::BadAnswer, false), (FailureKind::BadAnswer, true)]
    );
}
