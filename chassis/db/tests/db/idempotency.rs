//! A call repeated under its key gets the recorded response and takes effect only once.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Class, Clock, FailureKind, IdempotencyKey, MethodSpec, Verb};
use offshoot_db::{Engine, RECORD_RETENTION};
use tokio::time::Instant;

use crate::store::{Store, add, cx};

crate::on_both_engines!(
    a_repeated_call_gets_the_recorded_response,
    a_key_is_bound_to_arguments_principal_and_tenant,
    a_recorded_response_expires_after_a_day,
    a_rolled_back_call_records_no_response,
    only_one_of_concurrent_calls_under_a_key_is_executed,
    a_response_recorded_in_the_meantime_wins,
    a_call_of_several_transactions_records_its_response_with_the_last,
    a_safe_method_writes_nothing,
    a_fork_does_not_return_the_response_of_another_fork,
);

static ADD: MethodSpec = ADD_SPEC;
const ADD_SPEC: MethodSpec = MethodSpec {
    module: "depot",
    major: 1,
    name: "add",
    doc: "",
    verb: Verb::Post,
    path: "/things",
    class: Class::Unsafe,
    key: None,
    stale_ok: false,
    max_bytes: MethodSpec::DEFAULT_MAX_BYTES,
    timeout: Duration::from_secs(20),
    has_body: true,
};

fn context_under_key(key: &str, arguments: u8) -> CallContext {
    let key = IdempotencyKey {
        key: key.into(),
        arguments_hash: [arguments; 32],
    };
    cx().for_callee(&ADD, Some(key), Instant::now())
}

async fn call(store: &Store, mut cx: CallContext, name: &str) -> Result<String, CallFailure> {
    let mut tx = store.db.begin(&mut cx).await?;
    add(&mut tx, name).await?;
    tx.commit(format!("added {name}")).await
}

fn replayed(result: &Result<String, CallFailure>) -> Option<String> {
    let replay = result.as_ref().err()?.replay()?;
    Some(serde_json::from_slice(&replay.answer).expect("a JSON response"))
}

async fn a_repeated_call_gets_the_recorded_response(store: Store) {
    assert_eq!(
        call(&store, context_under_key("k", 1), "tea").await,
        Ok("added tea".to_owned())
    );
    for _ in 0..3 {
        let again = call(&store, context_under_key("k", 1), "tea").await;
        assert_eq!(replayed(&again).as_deref(), Some("added tea"), "{again:?}");
    }
    assert_eq!(store.names().await, ["tea"]);
}

async fn a_key_is_bound_to_arguments_principal_and_tenant(store: Store) {
    call(&store, context_under_key("k", 1), "tea")
        .await
        .expect("the first call");
    let other = call(&store, context_under_key("k", 2), "milk")
        .await
        .expect_err("the key was used with other arguments");
    let (status, code) = (422, "idempotency-key-reused".to_owned());
    assert_eq!(other.kind(), &FailureKind::Refused { status, code });
    assert!(!other.may_have_executed());
    let someone = context_under_key("k", 1).with_principal(Some("someone".into()));
    call(&store, someone, "bread")
        .await
        .expect("a key of another principal");
    let elsewhere = context_under_key("k", 1).with_tenant(Some("someone".into()));
    call(&store, elsewhere, "salt").await.expect("a key of another tenant");
    assert_eq!(store.names().await, ["bread", "salt", "tea"]);
}

async fn a_recorded_response_expires_after_a_day(store: Store) {
    call(&store, context_under_key("k", 1), "tea")
        .await
        .expect("the first call");
    store.clock.advance(RECORD_RETENTION - Duration::from_secs(1));
    assert!(replayed(&call(&store, context_under_key("k", 1), "tea").await).is_some());
    assert_eq!(store.db.delete_expired_records(store.clock.now()).await, Ok(0));
    store.clock.advance(Duration::from_secs(1));
    // The expired record still exists and is replaced.
    assert_eq!(
        call(&store, context_under_key("k", 2), "milk").await,
        Ok("added milk".to_owned())
    );
    assert!(replayed(&call(&store, context_under_key("k", 2), "milk").await).is_some());
    call(&store, context_under_key("l", 1), "bread")
        .await
        .expect("another call");
    store.clock.advance(RECORD_RETENTION);
    assert_eq!(store.db.delete_expired_records(store.clock.now()).await, Ok(2));
    assert_eq!(store.db.delete_expired_records(store.clock.now()).await, Ok(0));
}

async fn a_call_of_several_transactions_records_its_response_with_the_last(store: Store) {
    let mut cx = context_under_key("k", 1);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    tx.commit_part().await.expect("a partial commit");
    assert_eq!(cx.effects(), 1, "a later failure may have executed");
    let mut tx = store.db.begin(&mut cx).await.expect("a second transaction");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit("both").await.expect("a commit");
    let late = store
        .db
        .begin(&mut cx)
        .await
        .err()
        .expect("a write after the response fails");
    assert!(late.message().contains("after it has committed its response"), "{late}");
    let mut again = context_under_key("k", 1);
    let found = store.db.begin(&mut again).await.err().expect("the recorded response");
    assert!(found.replay().is_some());
    assert_eq!(store.names().await, ["milk", "tea"]);
}

async fn a_fork_does_not_return_the_response_of_another_fork(store: Store) {
    let cx = context_under_key("k", 1);
    let write = async |name: &str| {
        let mut fork = cx.fork();
        let mut tx = store.db.begin(&mut fork).await?;
        add(&mut tx, name).await?;
        tx.commit("done").await
    };
    let (one, two) = tokio::join!(write("tea"), write("milk"));
    let failure = one.err().xor(two.err()).expect("one fork fails");
    assert!(failure.replay().is_none(), "{failure}");
    assert_eq!(store.names().await.len(), 1);
}

async fn a_safe_method_writes_nothing(store: Store) {
    static LIST: MethodSpec = MethodSpec {
        class: Class::Safe,
        ..ADD_SPEC
    };
    let mut cx = cx().for_callee(&LIST, None, Instant::now());
    let refused = store
        .db
        .begin(&mut cx)
        .await
        .err()
        .expect("a safe method must not write");
    assert!(refused.message().contains("is declared safe"), "{refused}");
}

async fn a_rolled_back_call_records_no_response(store: Store) {
    let mut cx = context_under_key("k", 1);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    drop(tx);
    assert_eq!(
        call(&store, context_under_key("k", 1), "milk").await,
        Ok("added milk".to_owned())
    );
}

async fn only_one_of_concurrent_calls_under_a_key_is_executed(store: Store) {
    let other = store.reopen().await;
    let start = tokio::sync::Barrier::new(8);
    let store = &store;
    let calls = (0..8).map(|n| {
        let (start, db) = (&start, if n % 2 == 0 { &store.db } else { &other });
        async move {
            let mut cx = context_under_key("k", 1);
            start.wait().await;
            let mut tx = db.begin(&mut cx).await?;
            // Every call adds the same row: the unique name would be violated if two calls were executed.
            add(&mut tx, "tea").await?;
            tx.commit(n).await
        }
    });
    let results = futures_util::future::join_all(calls).await;
    let executed: Vec<i32> = results
        .iter()
        .filter_map(|result| result.as_ref().ok().copied())
        .collect();
    assert_eq!(executed.len(), 1, "{results:?}");
    let response = executed[0].to_string();
    for failure in results.iter().filter_map(|result| result.as_ref().err()) {
        let replay = failure.replay().unwrap_or_else(|| panic!("{failure:?}"));
        assert_eq!(&*replay.answer, response.as_bytes());
    }
    assert_eq!(store.names().await, ["tea"]);
}

/// The insert finds a record that did not exist when the transaction began. The lock of the key prevents that for
/// calls, so the test writes the record without the lock.
async fn a_response_recorded_in_the_meantime_wins(store: Store) {
    if store.db.engine() == Engine::Sqlite {
        // No other writer exists while a transaction is open.
        return;
    }
    call(&store, context_under_key("k", 1), "tea")
        .await
        .expect("the first call");
    store
        .database
        .administer("CREATE TABLE kept AS SELECT * FROM offshoot_answers; DELETE FROM offshoot_answers")
        .await;
    let mut cx = context_under_key("k", 1);
    let mut tx = store.db.begin(&mut cx).await.expect("no response is recorded");
    add(&mut tx, "milk").await.expect("an insert");
    store
        .database
        .administer("INSERT INTO offshoot_answers SELECT * FROM kept")
        .await;
    let late = tx.commit("added milk".to_owned()).await;
    assert_eq!(replayed(&late).as_deref(), Some("added tea"), "{late:?}");
    assert_eq!((cx.effects(), store.names().await), (0, vec!["tea".to_owned()]));
}
