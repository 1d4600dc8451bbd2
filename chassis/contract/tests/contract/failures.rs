//! Call failures: `may_have_executed` as seen by the caller, and the round trip through problem documents.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, FailureKind, Problem};

use crate::counters::{CountersApi, CountersError, an_id, failure_of, scripted};

fn unavailable() -> CallFailure {
    CallFailure::not_executed(FailureKind::Unavailable, "no connection")
}

#[tokio::test]
async fn a_panic_may_have_executed_only_after_an_effect() {
    let (api, script) = scripted();
    script.then(|_| Box::pin(async { panic!("before") }));
    script.then(|cx| {
        Box::pin(async {
            cx.count_effect();
            panic!("after")
        })
    });
    let mut cx = CallContext::root("test");
    let before = failure_of(api.add(&mut cx, an_id(), 1).await);
    assert_eq!(
        (before.kind(), before.may_have_executed()),
        (&FailureKind::Internal, false)
    );
    assert_eq!(cx.effects(), 0);
    let after = failure_of(api.add(&mut cx, an_id(), 1).await);
    assert_eq!(
        (after.kind(), after.may_have_executed()),
        (&FailureKind::Internal, true)
    );
    assert_eq!(cx.effects(), 1);
}

#[tokio::test]
async fn a_timeout_may_have_executed_only_after_an_effect() {
    for effects in [0, 1] {
        let (api, script) = scripted();
        script.then(move |cx| {
            Box::pin(async move {
                (0..effects).for_each(|_| cx.count_effect());
                std::future::pending().await
            })
        });
        // The method's timeout of 300 ms applies: the deadline of the request is later.
        let failure = failure_of(api.add(&mut CallContext::root("test"), an_id(), 1).await);
        assert_eq!(failure.kind(), &FailureKind::Timeout);
        assert_eq!(failure.may_have_executed(), effects > 0);
    }
}

#[tokio::test]
async fn a_call_after_the_deadline_is_not_sent() {
    let (api, script) = scripted();
    let mut cx = CallContext::root("test").with_timeout(Duration::ZERO);
    let failure = failure_of(api.add(&mut cx, an_id(), 1).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Timeout, false)
    );
    assert_eq!((script.calls(), cx.effects()), (0, 0));
}

#[tokio::test]
async fn a_refused_nested_call_may_have_executed_after_an_earlier_nested_call() {
    let (inner, inner_script) = scripted();
    let (outer, outer_script) = scripted();
    inner_script.then_answer(Ok(1));
    inner_script.then_answer(Err(CallFailure::refused(400, "bad-request", "no").into()));
    outer_script.then(move |cx| {
        Box::pin(async move {
            inner.add(cx, an_id(), 1).await?;
            inner.add(cx, an_id(), 2).await
        })
    });
    let failure = failure_of(outer.add(&mut CallContext::root("test"), an_id(), 1).await);
    let dependency = FailureKind::Dependency {
        module: "counters".to_owned(),
        method: "add".to_owned(),
        cause: "bad-request".to_owned(),
    };
    // The second nested call was refused, but the first took effect.
    assert_eq!((failure.kind(), failure.may_have_executed()), (&dependency, true));
    assert_eq!(failure.callee(), Some(("counters", "add")));
}

#[tokio::test]
async fn a_nested_safe_call_does_not_count_as_an_effect() {
    let (inner, inner_script) = scripted();
    let (outer, outer_script) = scripted();
    inner_script.then_answer(Ok(1));
    inner_script.then_answer(Err(unavailable().into()));
    outer_script.then(move |cx| {
        Box::pin(async move {
            inner.value(cx, an_id()).await?;
            inner.value(cx, an_id()).await
        })
    });
    let failure = failure_of(outer.add(&mut CallContext::root("test"), an_id(), 1).await);
    assert!(matches!(failure.kind(), FailureKind::Dependency { .. }));
    assert!(!failure.may_have_executed());
}

#[tokio::test]
async fn a_dependency_keeps_the_code_of_the_first_failure() {
    let (inner, inner_script) = scripted();
    inner_script.then_answer(Err(unavailable().into()));
    let nest = |callee: std::sync::Arc<dyn CountersApi>| {
        let (api, script) = scripted();
        script.then(move |cx| Box::pin(async move { callee.value(cx, an_id()).await }));
        api
    };
    let outer = nest(nest(inner));
    let failure = failure_of(outer.value(&mut CallContext::root("test"), an_id()).await);
    let FailureKind::Dependency { cause, .. } = failure.kind() else {
        panic!("{failure:?}");
    };
    assert_eq!(cause, "unavailable");
}

#[tokio::test]
async fn forks_and_children_count_effects_together() {
    let (inner, inner_script) = scripted();
    let (outer, outer_script) = scripted();
    inner_script.then_answer(Ok(1)).then_answer(Ok(2));
    outer_script.then(move |cx| {
        Box::pin(async move {
            let (mut one, mut two) = (cx.fork(), cx.child("second"));
            let (first, second) = tokio::join!(inner.add(&mut one, an_id(), 1), inner.add(&mut two, an_id(), 1));
            assert_eq!(cx.effects(), 2);
            Ok(first? + second?)
        })
    });
    assert_eq!(outer.add(&mut CallContext::root("test"), an_id(), 1).await, Ok(3));
}

#[test]
fn every_failure_survives_a_round_trip_as_problem() {
    let kinds = [
        FailureKind::Unavailable,
        FailureKind::Overloaded {
            retry_after: Duration::from_millis(1_500),
        },
        FailureKind::Refused {
            status: 413,
            code: "too-large".to_owned(),
        },
        FailureKind::Timeout,
        FailureKind::ConnectionLost,
        FailureKind::BadAnswer,
        FailureKind::WrongContract,
        FailureKind::Dependency {
            module: "readings".to_owned(),
            method: "latest".to_owned(),
            cause: "timeout".to_owned(),
        },
        FailureKind::Internal,
    ];
    for kind in kinds {
        for may_have_executed in [false, true] {
            let failure = CallFailure::new(kind.clone(), may_have_executed, "why");
            let json = serde_json::to_string(&Problem::from(&failure)).unwrap();
            let problem: Problem = serde_json::from_str(&json).unwrap();
            assert_eq!(problem.into_domain_error::<CountersError>(), Err(failure));
        }
    }
}

#[test]
fn a_failure_is_not_mistaken_for_a_domain_error_with_the_same_code() {
    let refused = CallFailure::refused(404, "unknown-counter", "refused by a gateway");
    let problem = Problem::from(&refused).with_field("id", an_id());
    assert_eq!(problem.into_domain_error::<CountersError>(), Err(refused));
}

#[test]
fn an_unknown_code_becomes_a_failure_that_may_have_executed() {
    let problem = Problem::new(418, "teapot", "short and stout");
    let failure = problem.into_domain_error::<CountersError>().unwrap_err();
    let kind = FailureKind::Unrecognised {
        status: 418,
        code: "teapot".to_owned(),
    };
    assert_eq!((failure.kind(), failure.may_have_executed()), (&kind, true));
}

#[test]
fn a_domain_error_survives_a_round_trip_with_its_fields() {
    let error = CountersError::UnknownCounter { id: an_id() };
    let json = serde_json::to_string(&Problem::from_error(&error)).unwrap();
    assert_eq!(
        serde_json::from_str::<Problem>(&json)
            .unwrap()
            .into_domain_error::<CountersError>(),
        Ok(error)
    );
}
