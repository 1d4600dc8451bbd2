//! The file with a deployment's service keys: creation, validation and key rotation.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use offshoot_contract::{Contract as _, Edge, FailureKind};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, SecretFileError, ServerOptions, ServiceKeys, router};
use uuid::Uuid;

use crate::notes::{Notes, NotesApi, connect, cx, expect_failure, serve_notes_with_keys};

#[test]
fn concurrent_processes_create_one_private_file_and_read_the_same_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deeper").join("service.key");
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| ServiceKeys::load_or_create(&path).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let text = std::fs::read_to_string(&path).unwrap();
    let token = made[0].for_module("notes").issue_token("test");
    assert!(!format!("{:?} {:?}", made[0], made[0].for_module("notes")).contains(&text[..10]));
    assert!(token.starts_with("Bearer test.") && !token.contains(text.trim()));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "a draft was left behind"
    );
}

#[test]
fn a_file_that_others_may_read_or_with_a_malformed_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.key");
    ServiceKeys::load_or_create(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        ServiceKeys::load_or_create(&path),
        Err(SecretFileError::TooOpen(_))
    ));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = "5".repeat(64);
    for text in [
        String::new(),
        "short".to_owned(),
        line.replace('5', "x"),
        format!("{line}5"),
        format!("{line}\n{line}\n{line}\n"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let loaded = ServiceKeys::load_or_create(&path);
        assert!(matches!(loaded, Err(SecretFileError::Malformed { .. })), "{text}");
    }
}

/// A server that refuses the service tokens of its first requests, as after a change of a clock.
struct Refusing {
    refused: u32,
    requests: AtomicU32,
}

async fn refuse(State(refusing): State<Arc<Refusing>>, request: Request, next: Next) -> Response {
    if refusing.requests.fetch_add(1, Ordering::SeqCst) >= refusing.refused {
        return next.run(request).await;
    }
    let problem = r#"{"status":401,"code":"unauthenticated","may_have_executed":false}"#;
    (StatusCode::UNAUTHORIZED, problem).into_response()
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    for (refused, requests) in [(1, 2), (9, 2)] {
        let refusing = Arc::new(Refusing {
            refused,
            requests: AtomicU32::default(),
        });
        let (store_id, keys) = (Uuid::now_v7(), ServiceKeys::random());
        let options = ServerOptions {
            store_id,
            instance: Uuid::now_v7(),
            keys: keys.for_module("notes"),
        };
        let edge = Arc::new(Edge::new(Arc::new(Notes::default()) as Arc<dyn NotesApi>));
        let routes = router(edge, options).layer(from_fn_with_state(Arc::clone(&refusing), refuse));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let client = || {
            let address = format!("http://{address}").parse().unwrap();
            let store = ExpectedStore::exactly(store_id);
            Client::<dyn NotesApi>::new(ClientOptions::for_address(address, keys.for_module("notes"), store))
        };

        let called = <dyn NotesApi>::new_proxy(client()).count_after(&mut cx(), 0).await;
        assert_eq!(refusing.requests.swap(0, Ordering::SeqCst), requests);
        let identified = client().identify(Duration::from_secs(10)).await;
        assert_eq!(refusing.requests.load(Ordering::SeqCst), requests);
        if refused == 1 {
            assert_eq!(called, Ok(1));
            assert!(identified.is_ok());
        } else {
            for failure in [expect_failure(called), identified.unwrap_err()] {
                assert_eq!(*failure.kind(), FailureKind::WrongContract);
                assert!(failure.message().contains("service token") && !failure.may_have_executed());
            }
        }
        server.abort();
    }
}

#[tokio::test]
async fn a_key_rotation_fails_no_call() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.key");
    let keys = |names: &[char]| {
        let lines: Vec<_> = names.iter().map(|name| name.to_string().repeat(64)).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        ServiceKeys::load_or_create(&path).unwrap()
    };
    // Each process takes these steps on its own, so two processes may differ by one step at any time.
    let steps = [&['a'][..], &['a', 'b'], &['b', 'a'], &['b']];
    for (server_step, client_step, succeeds) in [
        (0, 1, true),
        (1, 0, true),
        (1, 2, true),
        (2, 1, true),
        (2, 3, true),
        (3, 2, true),
        (0, 3, false),
        (3, 0, false),
    ] {
        let server = serve_notes_with_keys(keys(steps[server_step])).await;
        let client = connect(
            server.address,
            &keys(steps[client_step]),
            ExpectedStore::exactly(server.store_id),
        );
        let called = client.count_after(&mut cx(), 0).await;
        if succeeds {
            assert_eq!(called, Ok(1), "{server_step} {client_step}");
        } else {
            assert!(
                !expect_failure(called).may_have_executed(),
                "{server_step} {client_step}"
            );
        }
    }
}
