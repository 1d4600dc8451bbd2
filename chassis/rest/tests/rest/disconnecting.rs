//! A client that disconnects during a call, and deadlines on the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::{CallContext, Contract as _, Edge, FailureKind};
use offshoot_rest::Surface;
use tokio::net::TcpListener;

use crate::notes::{Notes, NotesApi, cx, expect_failure, serve_notes};
use crate::replicas::{Deployment, url};

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

#[tokio::test]
async fn a_change_keeps_its_permit_after_a_disconnect() {
    let deployment = Deployment::new();
    let notes = Arc::new(Notes::default());
    let edge = Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>));
    let surface = Surface::new("notes", deployment.options())
        .with_max_in_flight(1)
        .with_version(edge);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, surface.into_router()).await });
    let api = <dyn NotesApi>::new_proxy(deployment.client(&[url(address)], |_| {}));
    let mut changing = cx();
    tokio::select! {
        _ = api.count_after(&mut changing, 300) => panic!("the change was to be abandoned"),
        () = async { while notes.begun.load(Ordering::SeqCst) == 0 { tokio::task::yield_now().await } } => {}
    }
    // The next call is admitted once the change has ended, and not once the client has gone.
    loop {
        match api.wait(&mut cx(), 0).await {
            Ok(_) => break,
            other => {
                let failure = expect_failure(other);
                assert!(matches!(failure.kind(), FailureKind::Overloaded { .. }), "{failure:?}");
            }
        }
    }
    assert_eq!(notes.counted.load(Ordering::SeqCst), 2);
}
