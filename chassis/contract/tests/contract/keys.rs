//! Propagation and validation of idempotency keys.

use std::sync::{Arc, Mutex};

use offshoot_contract::{
    Args, CallContext, CallFailure, Contract as _, Edge, FailureKind, MAX_KEY_LENGTH, Method as _, NoBody, Switch,
    Target,
};

use crate::counters::counters_api_methods::{
    AddBody, AddMethod, AddParams, SetBody, SetMethod, SetParams, ValueMethod, ValueParams,
};
use crate::counters::{CounterId, CountersApi, Scripted, an_id, failure_of, scripted};

/// The keys of three nested calls inside a call under `key`: one in the same context, two in children.
async fn nested_keys(key: Option<&str>) -> Vec<Option<String>> {
    let (inner, inner_script) = scripted();
    let (outer, outer_script) = scripted();
    inner_script.then_answer(Ok(0)).then_answer(Ok(0)).then_answer(Ok(0));
    outer_script.then(move |cx| {
        Box::pin(async move {
            inner.add(cx, an_id(), 1).await?;
            inner.add(&mut cx.child("authorize"), an_id(), 1).await?;
            inner.add(&mut cx.child("capture"), an_id(), 1).await
        })
    });
    let mut cx = CallContext::root("test");
    cx.set_next_key(key.map(Into::into));
    outer.add(&mut cx, an_id(), 1).await.unwrap();
    inner_script.keys.lock().unwrap().clone()
}

#[tokio::test]
async fn a_nested_call_does_not_inherit_the_key_but_a_child_derives_a_key() {
    let first = nested_keys(Some("k1")).await;
    assert_eq!(first[0], None);
    assert!(first[1].is_some() && first[2].is_some() && first[1] != first[2]);
    assert_eq!(first, nested_keys(Some("k1")).await, "a retry derives the same keys");
    assert_ne!(first[1], nested_keys(Some("k2")).await[1]);
    assert_eq!(nested_keys(None).await, [None, None, None]);
}

#[tokio::test]
async fn a_second_call_in_one_step_is_refused_with_or_without_a_key() {
    for key in [None, Some("k1")] {
        let (inner, inner_script) = scripted();
        let (outer, outer_script) = scripted();
        inner_script.then_answer(Ok(0));
        outer_script.then(move |cx| {
            Box::pin(async move {
                inner.add(&mut cx.child("charge"), an_id(), 1).await?;
                inner.add(&mut cx.child("charge"), an_id(), 2).await
            })
        });
        let mut cx = CallContext::root("test");
        cx.set_next_key(key.map(Into::into));
        let failure = failure_of(outer.add(&mut cx, an_id(), 1).await);
        assert!(failure.message().contains("step charge used twice"), "{failure}");
        assert!(failure.may_have_executed(), "the first charge took effect");
        assert_eq!(inner_script.calls(), 1);
    }
}

#[tokio::test]
async fn a_safe_call_does_not_consume_the_key() {
    let (api, script) = scripted();
    script.then_answer(Ok(1)).then_answer(Ok(2));
    let mut cx = CallContext::root("test").with_next_key("k1");
    api.value(&mut cx, an_id()).await.unwrap();
    api.add(&mut cx, an_id(), 1).await.unwrap();
    assert_eq!(*script.keys.lock().unwrap(), [None, Some("k1".to_owned())]);
}

#[tokio::test]
async fn a_remote_call_with_an_effect_has_a_key_which_all_attempts_share() {
    let script = Arc::new(Scripted::default());
    let edge = <dyn CountersApi>::new_proxy(Arc::new(Edge::new(Arc::clone(&script) as Arc<dyn CountersApi>)));
    let api = <dyn CountersApi>::new_proxy(Switch::new(Target::Remote(edge)));
    script
        .then_answer(Err(
            CallFailure::maybe_executed(FailureKind::ConnectionLost, "lost").into()
        ))
        .then_answer(Ok(1))
        .then_answer(Ok(2));
    let mut cx = CallContext::root("test");
    // Declared idempotent: without a key, an attempt that runs on could undo a later change.
    api.set(&mut cx, an_id(), 1).await.unwrap();
    api.set(&mut cx, an_id(), 2).await.unwrap();
    let keys = script.keys.lock().unwrap();
    assert!(keys.iter().all(Option::is_some), "{keys:?}");
    assert!(keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
}

#[tokio::test]
async fn a_key_applies_to_one_call_only() {
    let (api, script) = scripted();
    script.then_answer(Ok(1)).then_answer(Ok(2));
    let mut cx = CallContext::root("test").with_next_key("k1");
    api.add(&mut cx, an_id(), 1).await.unwrap();
    api.add(&mut cx, an_id(), 1).await.unwrap();
    assert_eq!(*script.keys.lock().unwrap(), [Some("k1".to_owned()), None]);
}

#[tokio::test]
async fn an_invalid_key_is_refused_before_execution() {
    let (api, script) = scripted();
    for key in [
        String::new(),
        "two words".to_owned(),
        "ü".to_owned(),
        "k".repeat(MAX_KEY_LENGTH + 1),
    ] {
        let mut cx = CallContext::root("test").with_next_key(key.clone());
        let failure = failure_of(api.add(&mut cx, an_id(), 1).await);
        assert!(
            matches!(failure.kind(), FailureKind::Refused { status: 400, .. }),
            "{key}: {failure:?}"
        );
        assert!(!failure.may_have_executed());
    }
    assert_eq!(script.calls(), 0);
}

#[tokio::test]
async fn the_arguments_hash_depends_on_the_arguments_only() {
    let (api, script) = scripted();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..3 {
        let seen = Arc::clone(&seen);
        script.then(move |cx| {
            let hash = cx.idempotency_key().map(|key| key.arguments_hash);
            Box::pin(async move {
                seen.lock().unwrap().push(hash);
                Ok(0)
            })
        });
    }
    for amount in [1, 1, 2] {
        let mut cx = CallContext::root("test").with_next_key("k1");
        CountersApi::add(&*api, &mut cx, an_id(), amount).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

#[test]
fn the_entity_key_has_one_hash_in_all_methods() {
    let (id, other) = (an_id(), CounterId::from_uuid(uuid::Uuid::max()));
    let hash = |id: CounterId| {
        let value = Args {
            params: ValueParams { id },
            body: NoBody {},
        };
        let set = Args {
            params: SetParams { id },
            body: SetBody { value: 1 },
        };
        let add = Args {
            params: AddParams { id },
            body: AddBody { amount: 2 },
        };
        let hashes = [
            ValueMethod::key_hash(&value, 5),
            SetMethod::key_hash(&set, 5),
            AddMethod::key_hash(&add, 5),
        ];
        assert!(
            hashes[0].is_some() && hashes.iter().all(|hash| *hash == hashes[0]),
            "{hashes:?}"
        );
        hashes[0]
    };
    assert_eq!(hash(id), hash(id));
    assert_ne!(hash(id), hash(other));
}
