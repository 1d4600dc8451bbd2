//! A client that disconnects during a call, and deadlines on the server.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use offshoot_contract::{CallContext, Contract as _, Edge, FailureKind};
use offshoot_rest::Surface;
use tokio::net::TcpListener;

use crate::notes::{HELD, Notes, NotesApi, cx, expect_failure, serve_notes, until};
use crate::replicas::{Deployment, url};

#[tokio::test]
async fn after_a_disconnect_a_change_runs_to_its_end_and_a_safe_call_is_cancelled() {
    let server = serve_notes().await;
    let (api, notes) = (server.client(), &server.notes);
    let mut cx = CallContext::root("test");
    tokio::select! {
        _ = api.wait(&mut cx, HELD) => panic!("the call was to be abandoned"),
        () = until(|| notes.begun.load(SeqCst) == 1) => {}
    }
    until(|| notes.ended.load(SeqCst) == 1).await;
    assert_eq!(notes.counted.load(SeqCst), 0);
    tokio::select! {
        _ = api.count_after(&mut cx, HELD) => panic!("the change was to be abandoned"),
        () = until(|| notes.begun.load(SeqCst) == 2) => {}
    }
    // The server notices the disconnect at the latest with the next request.
    api.wait(&mut CallContext::root("test"), 0).await.unwrap();
    notes.released.notify_one();
    until(|| notes.counted.load(SeqCst) == 2).await;
    assert_eq!(cx.effects(), 1);
}

#[tokio::test]
async fn the_server_stops_a_call_at_the_callers_deadline() {
    let server = serve_notes().await;
    let mut cx = CallContext::root("test").with_timeout(Duration::from_millis(100));
    let failure = expect_failure(server.client().count_after(&mut cx, HELD).await);
    assert_eq!(failure.kind(), &FailureKind::Timeout);
    until(|| server.notes.ended.load(SeqCst) == server.notes.begun.load(SeqCst)).await;
    assert_eq!(server.notes.counted.load(SeqCst), 0, "the server ran past the deadline");
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
        _ = api.count_after(&mut changing, HELD) => panic!("the change was to be abandoned"),
        () = until(|| notes.begun.load(SeqCst) == 1) => {}
    }
    for _ in 0..20 {
        let failure = expect_failure(api.wait(&mut cx(), 0).await);
        assert!(matches!(failure.kind(), FailureKind::Overloaded { .. }), "{failure:?}");
    }
    notes.released.notify_one();
    // The next call is admitted once the change has ended, and not once the client has gone.
    while let Err(error) = api.wait(&mut cx(), 0).await {
        let failure = expect_failure::<u32>(Err(error));
        assert!(matches!(failure.kind(), FailureKind::Overloaded { .. }), "{failure:?}");
    }
    assert_eq!(notes.counted.load(SeqCst), 2);
}
