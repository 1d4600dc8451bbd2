//! Calls to a wrong store, deployment or address fail without effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use offshoot_contract::{Contract as _, Edge, FailureKind};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, Identity, ServerOptions, ServiceKeys, Surface};
use uuid::Uuid;

use crate::notes::{Notes, NotesApi, NotesServer, connect, cx, expect_failure, serve_notes, serve_notes_with_keys};

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
async fn no_call_is_sent_before_the_store_is_known() {
    let server = serve_notes().await;
    let asked = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&asked);
    let decide = move |found: Uuid, url: &str| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => Err(format!("nobody knows the store {found} at {url}")),
        _ => Ok(found),
    };
    let api = connect(server.address, &server.keys, ExpectedStore::decided_by(decide));
    let mut cx = cx();
    let failure = expect_failure(api.count_after(&mut cx, 0).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::WrongContract, false)
    );
    for part in [server.store_id.to_string(), server.address.to_string()] {
        assert!(failure.message().contains(&part), "{failure}");
    }
    assert_eq!((cx.effects(), server.notes.counted.load(Ordering::SeqCst)), (0, 0));
    // The next call asks again, and the one after that does not.
    assert_eq!(api.count_after(&mut cx, 0).await, Ok(1));
    assert_eq!(api.count_after(&mut cx, 0).await, Ok(2));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn addresses_of_two_stores_get_no_call_while_none_is_expected() {
    let keys = ServiceKeys::random();
    let (one, two) = (
        serve_notes_with_keys(keys.clone()).await,
        serve_notes_with_keys(keys.clone()).await,
    );
    let address = |server: &NotesServer| format!("http://{}", server.address).parse().unwrap();
    let mut options = ClientOptions::for_address(address(&one), keys.for_module("notes"), ExpectedStore::first_found());
    options.addresses.push(address(&two));
    let api = <dyn NotesApi>::new_proxy(Client::<dyn NotesApi>::new(options));
    let failure = expect_failure(api.count_after(&mut cx(), 0).await);
    for server in [&one, &two] {
        assert!(failure.message().contains(&server.store_id.to_string()), "{failure}");
        assert_eq!(server.notes.counted.load(Ordering::SeqCst), 0);
    }
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

#[tokio::test]
async fn the_identity_names_data_migrations_and_on_request_the_build() {
    let keys = ServiceKeys::random().for_module("notes");
    let (store_id, instance) = (Uuid::now_v7(), Uuid::now_v7());
    let options = ServerOptions {
        store_id,
        instance,
        keys: keys.clone(),
    };
    let edge = Arc::new(Edge::new(Arc::new(Notes::default()) as Arc<dyn NotesApi>));
    let routes = Surface::new("notes", options)
        .with_data("sqlite:/data".to_owned(), vec!["notes 0002_tags".to_owned()])
        .with_version(edge)
        .into_router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let client = Client::<dyn NotesApi>::new(ClientOptions::for_address(
        format!("http://{address}").parse().unwrap(),
        keys,
        ExpectedStore::exactly(store_id),
    ));
    let (_, plain) = client
        .module()
        .check_all(Duration::from_secs(2))
        .await
        .unwrap()
        .remove(0);
    assert_eq!((plain.instance, plain.build), (instance, None));
    assert_eq!(
        (plain.data.as_deref(), &*plain.migrations),
        (Some("sqlite:/data"), &["notes 0002_tags".to_owned()][..])
    );
    // Reading this test's executable may take a while.
    let builds = client.module().check_all_builds(Duration::from_secs(60)).await.unwrap();
    let build = builds[0].1.build.clone().unwrap();
    assert!(
        build.len() == 64 && build.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{build}"
    );
    serving.abort();
}

#[test]
fn an_identity_of_an_older_process_is_read() {
    let older = r#"{"name":"notes","versions":[],"store_id":"00000000-0000-0000-0000-000000000001",
        "instance":"00000000-0000-0000-0000-000000000002"}"#;
    let older: Identity = serde_json::from_str(older).unwrap();
    assert_eq!((older.data, older.migrations.len(), older.build), (None, 0, None));
}
