//! Cancellation by the caller: safe calls are cancelled, all other calls run to completion.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use offshoot_contract::{CallContext, Contract, Edge};

use crate::counters::{CountersApi, Scripted, an_id, failure_of, scripted};

const CALLER_TIMEOUT: Duration = Duration::from_millis(20);
const CALL_DURATION: Duration = Duration::from_millis(80);
/// Longer than caller and call together.
const SETTLE_TIME: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_non_safe_call_completes_although_the_caller_goes_away() {
    let (api, script) = scripted();
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    script.then(move |_| {
        Box::pin(async move {
            tokio::time::sleep(CALL_DURATION).await;
            seen.store(true, Ordering::SeqCst);
            Ok(1)
        })
    });
    let mut cx = CallContext::root("test");
    assert!(
        tokio::time::timeout(CALLER_TIMEOUT, api.set(&mut cx, an_id(), 1))
            .await
            .is_err()
    );
    tokio::time::sleep(SETTLE_TIME).await;
    assert!(ended.load(Ordering::SeqCst));
    // The caller does not know the outcome, so the call counts as an effect.
    assert_eq!(cx.effects(), 1);
}

#[tokio::test]
async fn a_safe_call_is_cancelled_when_the_caller_goes_away() {
    let (api, script) = scripted();
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    script.then(move |_| {
        Box::pin(async move {
            tokio::time::sleep(CALL_DURATION).await;
            seen.store(true, Ordering::SeqCst);
            Ok(1)
        })
    });
    let mut cx = CallContext::root("test");
    assert!(
        tokio::time::timeout(CALLER_TIMEOUT, api.value(&mut cx, an_id()))
            .await
            .is_err()
    );
    tokio::time::sleep(SETTLE_TIME).await;
    assert!(!ended.load(Ordering::SeqCst));
    assert_eq!(cx.effects(), 0);
}

#[tokio::test]
async fn a_drained_edge_completes_admitted_calls_and_refuses_new_calls() {
    let script = Arc::new(Scripted::default());
    script.then(|_| {
        Box::pin(async {
            tokio::time::sleep(CALL_DURATION).await;
            Ok(7)
        })
    });
    let edge = Arc::new(Edge::new(Arc::clone(&script) as Arc<dyn CountersApi>));
    let api = <dyn CountersApi>::new_proxy(Arc::clone(&edge));
    let admitted = Arc::clone(&api);
    let call = tokio::spawn(async move { admitted.add(&mut CallContext::root("test"), an_id(), 1).await });
    tokio::time::sleep(CALLER_TIMEOUT).await;
    assert!(edge.drain(SETTLE_TIME).await);
    assert_eq!(call.await.unwrap(), Ok(7));
    let late = failure_of(api.add(&mut CallContext::root("test"), an_id(), 1).await);
    assert!(!late.may_have_executed());
    assert_eq!(script.calls(), 1);
}
