//! What the switch repeats, and what it must not.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, FailureKind};

use crate::counters::{CountersError, an_id, failure_of, scripted};

fn lost(may_have_executed: bool) -> CallFailure {
    CallFailure::new(FailureKind::ConnectionLost, may_have_executed, "lost")
}

#[tokio::test]
async fn what_was_not_executed_is_repeated() {
    let (api, script) = scripted();
    script.then_answer(Err(lost(false).into())).then_answer(Ok(5));
    assert_eq!(api.add(&mut CallContext::root("test"), an_id(), 1).await, Ok(5));
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn an_unsafe_call_that_may_have_executed_is_not_repeated_without_a_key() {
    let (api, script) = scripted();
    script.then_answer(Err(lost(true).into()));
    let failure = failure_of(api.add(&mut CallContext::root("test"), an_id(), 1).await);
    assert!(failure.may_have_executed());
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn under_a_key_and_where_twice_is_once_it_is_repeated() {
    let (api, script) = scripted();
    script.then_answer(Err(lost(true).into())).then_answer(Ok(5));
    let mut cx = CallContext::root("test").with_key("k1");
    assert_eq!(api.add(&mut cx, an_id(), 1).await, Ok(5));
    assert_eq!(
        *script.keys.lock().unwrap(),
        [Some("k1".to_owned()), Some("k1".to_owned())]
    );
    script.then_answer(Err(lost(true).into())).then_answer(Ok(6));
    assert_eq!(api.set(&mut CallContext::root("test"), an_id(), 1).await, Ok(6));
}

#[tokio::test]
async fn what_an_earlier_attempt_may_have_done_is_not_forgotten() {
    let (api, script) = scripted();
    let refused = CallFailure::refused(400, "bad-request", "no");
    script
        .then_answer(Err(lost(true).into()))
        .then_answer(Err(refused.into()));
    let mut cx = CallContext::root("test");
    assert!(failure_of(api.set(&mut cx, an_id(), 1).await).may_have_executed());
    assert_eq!((script.calls(), cx.effects()), (2, 1));
}

#[tokio::test]
async fn an_answer_to_a_repeat_without_a_key_may_be_to_our_own_doing() {
    let unknown = || CountersError::UnknownCounter { id: an_id() };
    for (key, told) in [(None, false), (Some("k1"), true)] {
        let (api, script) = scripted();
        script.then_answer(Err(lost(true).into())).then_answer(Err(unknown()));
        let mut cx = CallContext::root("test");
        cx.set_next_key(key.map(Into::into));
        let outcome = api.set(&mut cx, an_id(), 1).await;
        if told {
            assert_eq!(outcome, Err(unknown()));
        } else {
            assert!(failure_of(outcome).may_have_executed());
        }
    }
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let (api, script) = scripted();
    script.then_answer(Err(CallFailure::refused(400, "bad-request", "no").into()));
    failure_of(api.set(&mut CallContext::root("test"), an_id(), 1).await);
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn the_budget_of_the_request_bounds_the_repeats_of_all_its_calls() {
    let (api, script) = scripted();
    (0..10).for_each(|_| {
        script.then_answer(Err(lost(false).into()));
    });
    let mut cx = CallContext::root("test");
    failure_of(api.set(&mut cx, an_id(), 1).await);
    assert_eq!(script.calls(), 4, "one call and three repeats");
    failure_of(api.set(&mut cx, an_id(), 1).await);
    assert_eq!(script.calls(), 5, "no repeat is left");
}

#[tokio::test]
async fn a_repeat_that_would_come_after_the_deadline_is_not_waited_for() {
    let (api, script) = scripted();
    let overloaded = FailureKind::Overloaded {
        retry_after: Duration::from_secs(60),
    };
    script.then_answer(Err(CallFailure::not_executed(overloaded, "busy").into()));
    let mut cx = CallContext::root("test").with_timeout(Duration::from_secs(1));
    let failure = failure_of(api.set(&mut cx, an_id(), 1).await);
    assert!(matches!(failure.kind(), FailureKind::Overloaded { .. }));
}
