//! A module's allow list decides which modules may call its methods.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Contract as _, Edge, FailureKind};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, encoded_client};

use crate::notes::{CALLERS, NotesApi, expect_failure, serve_notes};

#[tokio::test]
async fn a_caller_missing_from_the_allow_list_is_refused_without_effect() {
    let server = serve_notes().await;
    let edge = || Arc::new(Edge::new(Arc::clone(&server.notes) as Arc<dyn NotesApi>).with_callers(&CALLERS));
    let direct = <dyn NotesApi>::new_proxy(edge());
    let mut count = 0;
    for api in [server.client(), direct, encoded_client(edge())] {
        let friend = api.count_after(&mut CallContext::root("friend"), 0).await;
        assert_eq!(friend, Ok(count + 1));
        // More refusals than an ejection needs: a refusal does not count as a failure of the endpoint.
        for _ in 0..20 {
            let mut stranger = CallContext::root("stranger");
            assert_refused(&expect_failure(api.count_after(&mut stranger, 0).await));
            assert_refused(&expect_failure(api.wait(&mut stranger, 0).await));
            assert_eq!(stranger.effects(), 0);
        }
        assert_eq!(server.notes.counted.load(Ordering::SeqCst), count + 1);
        assert_eq!(api.count_after(&mut CallContext::root("test"), 0).await, Ok(count + 2));
        count += 2;
    }
}

fn assert_refused(failure: &CallFailure) {
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
async fn any_valid_token_may_fetch_the_identity() {
    let server = serve_notes().await;
    let client = Client::<dyn NotesApi>::new(ClientOptions::for_address(
        format!("http://{}", server.address).parse().unwrap(),
        server.keys.for_module("notes"),
        ExpectedStore::exactly(server.store_id),
    ));
    let identity = client.identify(Duration::from_secs(2)).await.unwrap();
    assert_eq!(identity.store_id, server.store_id);
}
