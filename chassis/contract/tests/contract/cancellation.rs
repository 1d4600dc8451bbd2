//! A caller that goes away: safe calls end with it, the others run on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use offshoot_contract::{CallContext, Contract, Edge};

use crate::counters::{CountersApi, Scripted, an_id, failure_of, scripted};

const CALLER_LEAVES: Duration = Duration::from_millis(20);
const CALL_TAKES: Duration = Duration::from_millis(80);
const ALL_IS_OVER: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_change_runs_to_its_end_when_its_caller_goes_away() {
    let (api, script) = scripted();
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    script.then(move |_| {
        Box::pin(async move {
            tokio::time::sleep(CALL_TAKES).await;
            seen.store(true, Ordering::SeqCst);
            Ok(1)
        })
    });
    let mut cx = CallContext::root("test");
    assert!(
        tokio::time::timeout(CALLER_LEAVES, api.set(&mut cx, an_id(), 1))
            .await
            .is_err()
    );
    tokio::time::sleep(ALL_IS_OVER).await;
    assert!(ended.load(Ordering::SeqCst));
    // The caller cannot know, so it counts.
    assert_eq!(cx.effects(), 1);
}

#[tokio::test]
async fn a_safe_call_ends_with_its_caller() {
    let (api, script) = scripted();
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    script.then(move |_| {
        Box::pin(async move {
            tokio::time::sleep(CALL_TAKES).await;
            seen.store(true, Ordering::SeqCst);
            Ok(1)
        })
    });
    let mut cx = CallContext::root("test");
    assert!(
        tokio::time::timeout(CALLER_LEAVES, api.value(&mut cx, an_id()))
            .await
            .is_err()
    );
    tokio::time::sleep(ALL_IS_OVER).await;
    assert!(!ended.load(Ordering::SeqCst));
    assert_eq!(cx.effects(), 0);
}

#[tokio::test]
async fn a_drained_edge_ends_what_it_admitted_and_admits_no_more() {
    let script = Arc::new(Scripted::default());
    script.then(|_| {
        Box::pin(async {
            tokio::time::sleep(CALL_TAKES).await;
            Ok(7)
        })
    });
    let edge = Arc::new(Edge::new(Arc::clone(&script) as Arc<dyn CountersApi>));
    let api = <dyn CountersApi>::object(Arc::clone(&edge));
    let admitted = Arc::clone(&api);
    let call = tokio::spawn(async move { admitted.add(&mut CallContext::root("test"), an_id(), 1).await });
    tokio::time::sleep(CALLER_LEAVES).await;
    assert!(edge.drain(ALL_IS_OVER).await);
    assert_eq!(call.await.unwrap(), Ok(7));
    let late = failure_of(api.add(&mut CallContext::root("test"), an_id(), 1).await);
    assert!(!late.may_have_executed());
    assert_eq!(script.calls(), 1);
}
