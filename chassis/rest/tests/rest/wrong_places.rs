//! A call never takes effect in the wrong place.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::FailureKind;
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServiceKeys};
use uuid::Uuid;

use crate::notes::{NotesApi, client_of, cx, failure_of, served};

#[tokio::test]
async fn a_token_of_another_deployment_or_module_opens_nothing() {
    let store = served().await;
    for keys in [ServiceKeys::random().of("notes"), store.key.of("another")] {
        let client = Client::<dyn NotesApi>::new(ClientOptions::to(
            format!("http://{}", store.address).parse().unwrap(),
            keys,
            ExpectedStore::exactly(store.store),
        ));
        let failure = client.identify(Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(
            (failure.kind(), failure.may_have_executed()),
            (&FailureKind::WrongContract, false)
        );
        assert!(failure.message().contains(&store.address.to_string()), "{failure}");
        assert!(!failure.message().contains(&store.store.to_string()));
    }
}

#[tokio::test]
async fn another_store_is_refused_before_anything_is_done_and_both_are_named() {
    let store = served().await;
    let expected = Uuid::now_v7();
    let api = client_of(store.address, &store.key, ExpectedStore::exactly(expected));
    let failure = failure_of(api.count_after(&mut cx(), 0).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::WrongContract, false)
    );
    for id in [expected, store.store] {
        assert!(failure.message().contains(&id.to_string()), "{failure}");
    }
    assert_eq!(store.notes.counted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_first_answer_decides_which_store_is_expected() {
    let (one, two) = (served().await, served().await);
    let learned = Arc::new(std::sync::Mutex::new(None));
    let seen = Arc::clone(&learned);
    let api = client_of(
        one.address,
        &one.key,
        ExpectedStore::first(move |store| *seen.lock().unwrap() = Some(store)),
    );
    assert_eq!(api.count_after(&mut cx(), 0).await, Ok(1));
    assert_eq!(*learned.lock().unwrap(), Some(one.store));
    assert_ne!(one.store, two.store);
}

#[tokio::test]
async fn an_address_where_nobody_listens_has_executed_nothing() {
    let store = served().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let api = client_of(free, &store.key, ExpectedStore::exactly(store.store));
    let mut cx = cx();
    let failure = failure_of(api.count_after(&mut cx, 0).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert!(failure.message().contains(&free.to_string()), "{failure}");
    assert_eq!(cx.effects(), 0);
}

#[tokio::test]
async fn the_identity_names_contract_versions_hash_store_and_instance() {
    let store = served().await;
    let client = Client::<dyn NotesApi>::new(ClientOptions::to(
        format!("http://{}", store.address).parse().unwrap(),
        store.key.of("notes"),
        ExpectedStore::exactly(store.store),
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
    assert_eq!((identity.store_id, identity.versions[0].hash.len()), (store.store, 64));
}
