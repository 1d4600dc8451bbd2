//! Who may call a contract: those it names.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Contract as _, Edge, FailureKind};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, encoded};

use crate::notes::{NotesApi, failure_of, served};

#[tokio::test]
async fn one_who_is_not_named_is_refused_before_anything_is_done() {
    let store = served().await;
    let edge = || Arc::new(Edge::new(Arc::clone(&store.notes) as Arc<dyn NotesApi>));
    let direct = <dyn NotesApi>::object(edge());
    let mut count = 0;
    for api in [store.client(), direct, encoded(edge())] {
        let friend = api.count_after(&mut CallContext::root("friend"), 0).await;
        assert_eq!(friend, Ok(count + 1));
        // More often than it takes for an address to be left alone: a refusal is no failure of the server's.
        for _ in 0..20 {
            let mut stranger = CallContext::root("stranger");
            refused(&failure_of(api.count_after(&mut stranger, 0).await));
            refused(&failure_of(api.wait(&mut stranger, 0).await));
            assert_eq!(stranger.effects(), 0);
        }
        assert_eq!(store.notes.counted.load(Ordering::SeqCst), count + 1);
        assert_eq!(api.count_after(&mut CallContext::root("test"), 0).await, Ok(count + 2));
        count += 2;
    }
}

fn refused(failure: &CallFailure) {
    let FailureKind::Refused { status, code } = failure.kind() else {
        panic!("{failure:?}");
    };
    assert_eq!((*status, code.as_str()), (403, "caller-not-allowed"));
    assert!(!failure.may_have_executed());
    assert!(
        failure.message().contains("stranger") && failure.message().contains("test, friend"),
        "{failure}"
    );
}

#[tokio::test]
async fn whoever_has_a_token_may_ask_who_is_there() {
    let store = served().await;
    let client = Client::<dyn NotesApi>::new(ClientOptions::to(
        format!("http://{}", store.address).parse().unwrap(),
        store.key.of("notes"),
        ExpectedStore::exactly(store.store),
    ));
    let identity = client.identify(Duration::from_secs(2)).await.unwrap();
    assert_eq!(identity.store_id, store.store);
}
