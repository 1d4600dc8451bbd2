//! Broken servers: lost connections, garbage and endless responses each yield the right failure.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use offshoot_contract::{CallContext, Contract as _, FailureKind, Switch, Target};
use offshoot_rest::{ExpectedStore, ServiceKeys};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::notes::{NotesApi, connect, cx, expect_failure};

/// A TCP server that reads the first bytes of each request and passes the connection to `answer`.
async fn serve_raw<F, Fut>(answer: F) -> SocketAddr
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

/// Makes a safe and an unsafe call. Returns each failure's kind, and whether the call may have executed.
async fn fail_both_classes(address: SocketAddr) -> [(FailureKind, bool); 2] {
    let api = connect(address, &ServiceKeys::random(), ExpectedStore::exactly(Uuid::nil()));
    let cx = || CallContext::root("test").with_timeout(Duration::from_millis(500));
    let safe = expect_failure(api.note(&mut cx(), "n".to_owned()).await);
    let mut context = cx();
    let change = expect_failure(api.count_after(&mut context, 0).await);
    assert_eq!(context.effects(), u32::from(change.may_have_executed()));
    [safe, change].map(|failure| (failure.kind().clone(), failure.may_have_executed()))
}

#[tokio::test]
async fn a_connection_lost_before_the_response_may_have_executed_an_unsafe_call() {
    let address = serve_raw(|stream| async { drop(stream) }).await;
    assert_eq!(
        fail_both_classes(address).await,
        [
            (FailureKind::ConnectionLost, false),
            (FailureKind::ConnectionLost, true)
        ]
    );
}

#[tokio::test]
async fn a_connection_lost_within_the_response_may_have_executed_an_unsafe_call() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"te";
    let address = serve_raw(move |mut stream| async move { stream.write_all(half.as_bytes()).await.unwrap() }).await;
    assert_eq!(
        fail_both_classes(address).await,
        [
            (FailureKind::ConnectionLost, false),
            (FailureKind::ConnectionLost, true)
        ]
    );
}

#[tokio::test]
async fn a_missing_response_times_out() {
    let address = serve_raw(|stream| async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(stream);
    })
    .await;
    assert_eq!(
        fail_both_classes(address).await,
        [(FailureKind::Timeout, false), (FailureKind::Timeout, true)]
    );
}

#[tokio::test]
async fn a_response_of_another_service_is_the_wrong_contract() {
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let address = serve_raw(move |mut stream| async move { stream.write_all(page.as_bytes()).await.unwrap() }).await;
    assert_eq!(
        fail_both_classes(address).await,
        [(FailureKind::WrongContract, false), (FailureKind::WrongContract, true)]
    );
}

/// A server that answers each request with this status and a page of its own.
async fn serve_page(status: &str) -> SocketAddr {
    let page = format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nproxy");
    serve_raw(move |mut stream| {
        let page = page.clone();
        async move { stream.write_all(page.as_bytes()).await.unwrap() }
    })
    .await
}

#[tokio::test]
async fn a_failure_of_a_gateway_is_an_unavailable_module() {
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let address = serve_page(status).await;
        assert_eq!(
            fail_both_classes(address).await,
            [(FailureKind::Unavailable, false), (FailureKind::Unavailable, true)],
            "{status}"
        );
    }
}

#[tokio::test]
async fn another_failure_of_another_service_is_the_wrong_contract() {
    for status in ["500 Internal Server Error", "404 Not Found"] {
        let address = serve_page(status).await;
        assert_eq!(
            fail_both_classes(address).await,
            [(FailureKind::WrongContract, false), (FailureKind::WrongContract, true)],
            "{status}"
        );
    }
}

#[tokio::test]
async fn the_switch_repeats_a_call_that_a_gateway_failed() {
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let page = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 5\r\nconnection: close\r\n\r\nproxy";
    let address = serve_raw(move |mut stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { stream.write_all(page.as_bytes()).await.unwrap() }
    })
    .await;
    // A client for each call: the failures of both calls would eject the address.
    let api = || {
        let api = connect(address, &ServiceKeys::random(), ExpectedStore::exactly(Uuid::nil()));
        <dyn NotesApi>::new_proxy(Switch::new(Target::Remote(api)))
    };
    let attempts = 1 + CallContext::RETRIES_PER_REQUEST.unsigned_abs();
    let failure = expect_failure(api().note(&mut cx(), "n".to_owned()).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert_eq!(requests.swap(0, Ordering::SeqCst), attempts);
    let failure = expect_failure(api().count_after(&mut cx(), 0).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, true)
    );
    assert_eq!(
        requests.load(Ordering::SeqCst),
        attempts,
        "repeated under the key of the switch"
    );
}

#[tokio::test]
async fn a_response_that_is_not_http_is_a_lost_connection() {
    let address =
        serve_raw(|mut stream| async move { stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").await.unwrap() }).await;
    assert_eq!(
        fail_both_classes(address).await,
        [
            (FailureKind::ConnectionLost, false),
            (FailureKind::ConnectionLost, true)
        ]
    );
}

#[tokio::test]
async fn a_problem_outside_of_the_contract_is_a_bad_answer() {
    for (status, body) in [
        ("409 Conflict", r#"{"status":409,"code":"teapot","detail":"short"}"#),
        ("500 Internal Server Error", r#"{"status":500,"code":"teapot"}"#),
        // Codes without the fields of the failure, and of the error.
        (
            "503 Service Unavailable",
            r#"{"status":503,"code":"overloaded","may_have_executed":false}"#,
        ),
        (
            "502 Bad Gateway",
            r#"{"status":502,"code":"dependency","may_have_executed":false,"module":"m"}"#,
        ),
        ("404 Not Found", r#"{"status":404,"code":"unknown-note"}"#),
    ] {
        let address = serve_answer(status, body).await;
        assert_eq!(
            fail_both_classes(address).await,
            [(FailureKind::BadAnswer, false), (FailureKind::BadAnswer, true)],
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_failure_that_does_not_state_its_effect_may_have_executed_only_a_call_with_an_effect() {
    let address = serve_answer("503 Service Unavailable", r#"{"status":503,"code":"unavailable"}"#).await;
    assert_eq!(
        fail_both_classes(address).await,
        [(FailureKind::Unavailable, false), (FailureKind::Unavailable, true)]
    );
}

#[tokio::test]
async fn an_array_in_the_place_of_an_object_is_a_bad_answer() {
    let address = serve_answer("200 OK", r#"["text",[]]"#).await;
    let api = connect(address, &ServiceKeys::random(), ExpectedStore::exactly(Uuid::nil()));
    let failure = expect_failure(api.note(&mut cx(), "n".to_owned()).await);
    assert_eq!(*failure.kind(), FailureKind::BadAnswer);
}

/// A server of the notes that answers every call with this status and body.
async fn serve_answer(status: &str, body: &str) -> SocketAddr {
    let length = body.len();
    let identity = "offshoot-contract: notes/1 store=00000000-0000-0000-0000-000000000000";
    let page =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{identity}\r\n\r\n{body}");
    serve_raw(move |mut stream| {
        let page = page.clone();
        async move { stream.write_all(page.as_bytes()).await.unwrap() }
    })
    .await
}

#[tokio::test]
async fn an_endless_response_is_a_bad_answer() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\noffshoot-contract: notes/1 store=00000000-0000-0000-0000-000000000000\r\n\r\n";
    let address = serve_raw(move |mut stream| async move {
        let _ = stream.write_all(head.as_bytes()).await;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
        // A finite number, so that the test ends even if the client never stops reading.
        for _ in 0..1_000 {
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
    })
    .await;
    assert_eq!(
        fail_both_classes(address).await,
        [(FailureKind::BadAnswer, false), (FailureKind::BadAnswer, true)]
    );
}
