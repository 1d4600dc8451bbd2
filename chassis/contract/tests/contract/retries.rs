//! Retries by the switch: conditions, budgets, and the reported outcome.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, FailureKind};

use crate::counters::{CountersError, an_id, failure_of, scripted};

fn connection_lost(may_have_executed: bool) -> CallFailure {
    CallFailure::new(FailureKind::ConnectionLost, may_have_executed, "lost")
}

#[tokio::test]
async fn a_call_that_was_not_executed_is_retried() {
    let (api, script) = scripted();
    script
        .then_answer(Err(connection_lost(false).into()))
        .then_answer(Ok(5));
    assert_eq!(api.add(&mut CallContext::root("test"), an_id(), 1).await, Ok(5));
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn an_unsafe_call_that_may_have_executed_is_not_retried_without_a_key() {
    let (api, script) = scripted();
    script.then_answer(Err(connection_lost(true).into()));
    let failure = failure_of(api.add(&mut CallContext::root("test"), an_id(), 1).await);
    assert!(failure.may_have_executed());
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn a_call_that_may_have_executed_is_retried_if_keyed_or_idempotent() {
    let (api, script) = scripted();
    script.then_answer(Err(connection_lost(true).into())).then_answer(Ok(5));
    let mut cx = CallContext::root("test").with_next_key("k1");
    assert_eq!(api.add(&mut cx, an_id(), 1).await, Ok(5));
    assert_eq!(
        *script.keys.lock().unwrap(),
        [Some("k1".to_owned()), Some("k1".to_owned())]
    );
    script.then_answer(Err(connection_lost(true).into())).then_answer(Ok(6));
    assert_eq!(api.set(&mut CallContext::root("test"), an_id(), 1).await, Ok(6));
}

#[tokio::test]
async fn a_failure_may_have_executed_if_any_attempt_may_have_executed() {
    let (api, script) = scripted();
    let refused = CallFailure::refused(400, "bad-request", "no");
    script
        .then_answer(Err(connection_lost(true).into()))
        .then_answer(Err(refused.into()));
    let mut cx = CallContext::root("test");
    assert!(failure_of(api.set(&mut cx, an_id(), 1).await).may_have_executed());
    assert_eq!((script.calls(), cx.effects()), (2, 1));
}

#[tokio::test]
async fn a_domain_error_of_a_retry_stays_unsure_after_a_lost_attempt() {
    // Without a key, the error may be a consequence of the first attempt. With a key, the first attempt may still run.
    let unknown = || CountersError::UnknownCounter { id: an_id() };
    for key in [None, Some("k1")] {
        for (was_lost, is_reported) in [(true, false), (false, true)] {
            let (api, script) = scripted();
            script
                .then_answer(Err(connection_lost(was_lost).into()))
                .then_answer(Err(unknown()));
            let mut cx = CallContext::root("test");
            cx.set_next_key(key.map(Into::into));
            let outcome = api.set(&mut cx, an_id(), 1).await;
            if is_reported {
                assert_eq!(outcome, Err(unknown()));
            } else {
                assert!(failure_of(outcome).may_have_executed());
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_is_not_retried() {
    let (api, script) = scripted();
    script.then_answer(Err(CallFailure::refused(400, "bad-request", "no").into()));
    failure_of(api.set(&mut CallContext::root("test"), an_id(), 1).await);
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn the_retry_budget_of_a_request_covers_all_calls_of_the_request() {
    let (api, script) = scripted();
    (0..10).for_each(|_| {
        script.then_answer(Err(connection_lost(false).into()));
    });
    let mut cx = CallContext::root("test");
    failure_of(api.set(&mut cx, an_id(), 1).await);
    assert_eq!(script.calls(), 4, "one call and three retries");
    failure_of(api.set(&mut cx, an_id(), 1).await);
    assert_eq!(script.calls(), 5, "the retry budget is exhausted");
}

#[tokio::test]
async fn a_retry_after_the_deadline_is_not_attempted() {
    let (api, script) = scripted();
    let overloaded = FailureKind::Overloaded {
        retry_after: Duration::from_secs(60),
    };
    script.then_answer(Err(CallFailure::not_executed(overloaded, "busy").into()));
    let mut cx = CallContext::root("test").with_timeout(Duration::from_secs(1));
    let failure = failure_of(api.set(&mut cx, an_id(), 1).await);
    assert!(matches!(failure.kind(), FailureKind::Overloaded { .. }));
}
