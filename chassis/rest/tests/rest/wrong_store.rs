//! Calls to a wrong store, deployment or address fail without effect.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::FailureKind;
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServiceKeys};
use uuid::Uuid;

use crate::notes::{NotesApi, connect, cx, expect_failure, serve_notes};

#[tokio::test]
async fn a_token_of_another_deployment_or_module_is_rejected() {
    let server = serve_notes().await;
    for keys in [
        ServiceKeys::random().for_module("notes"),
        server.keys.for_module("another"),
    ] {
        let client = Client::<dyn NotesApi>::new(ClientOptions::for_address(
            format!("http://{}", server.address).parse().unwrap(),
            keys,
            ExpectedStore::exactly(server.store_id),
        ));
        let failure = client.identify(Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(
            (failure.kind(), failure.may_have_executed()),
            (&FailureKind::WrongContract, false)
        );
        assert!(failure.message().contains(&server.address.to_string()), "{failure}");
        assert!(!failure.message().contains(&server.store_id.to_string()));
    }
}

#[tokio::test]
async fn a_call_to_another_store_is_refused_without_effect_and_names_both_stores() {
    let server = serve_notes().await;
    let expected = Uuid::now_v7();
    let api = connect(server.address, &server.keys, ExpectedStore::exactly(expected));
    let failure = expect_failure(api.count_after(&mut cx(), 0).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::WrongContract, false)
    );
    for id in [expected, server.store_id] {
        assert!(failure.message().contains(&id.to_string()), "{failure}");
    }
    assert_eq!(server.notes.counted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_first_response_decides_the_expected_store() {
    let (one, two) = (serve_notes().await, serve_notes().await);
    let learned = Arc::new(std::sync::Mutex::new(None));
    let seen = Arc::clone(&learned);
    let api = connect(
        one.address,
        &one.keys,
        ExpectedStore::from_first_response(move |store| *seen.lock().unwrap() = Some(store)),
    );
    assert_eq!(api.count_after(&mut cx(), 0).await, Ok(1));
    assert_eq!(*learned.lock().unwrap(), Some(one.store_id));
    assert_ne!(one.store_id, two.store_id);
}

#[tokio::test]
async fn a_call_to_an_address_without_listener_has_not_executed() {
    let server = serve_notes().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let api = connect(free, &server.keys, ExpectedStore::exactly(server.store_id));
    let mut cx = cx();
    let failure = expect_failure(api.count_after(&mut cx, 0).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert!(failure.message().contains(&free.to_string()), "{failure}");
    assert_eq!(cx.effects(), 0);
}

#[tokio::test]
async fn the_identity_names_contract_versions_hash_store_and_instance() {
    let server = serve_notes().await;
    let client = Client::<dyn NotesApi>::new(ClientOptions::for_address(
        format!("http://{}", server.address).parse().unwrap(),
        server.keys.for_module("notes"),
        ExpectedStore::exactly(server.store_id),
    ));
    let identity = client.identify(Duration::from_secs(2)).await.unwrap();
    assert_eq!(
        (
            identity.name.as_str(),
            identity.versions[0].version.as_str(),
            identity.versions.len()
        ),
        ("notes", "1.0", 1)
    );
    assert_eq!(
        (identity.store_id, identity.versions[0].hash.len()),
        (server.store_id, 64)
    );
}
