//! A call repeated under its key gets the first answer, and nothing happens twice.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Class, Clock, FailureKind, MethodSpec, OwnKey, Verb};
use offshoot_db::{Engine, KEPT_FOR};
use tokio::time::Instant;

use crate::store::{Store, add, cx};

crate::on_both_engines!(
    a_repeated_call_gets_the_first_answer,
    a_key_belongs_to_its_arguments_caller_and_tenant,
    an_answer_is_forgotten_after_a_day,
    what_was_rolled_back_is_not_recorded,
    of_two_calls_at_once_one_is_executed,
    an_answer_recorded_meanwhile_wins,
    a_call_of_several_transactions_records_its_last,
    a_safe_method_writes_nothing,
    a_fork_does_not_take_the_answer_of_another_for_its_own,
);

static ADD: MethodSpec = ADD_SPEC;
const ADD_SPEC: MethodSpec = MethodSpec {
    index: 0,
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

fn called(key: &str, arguments: u8) -> CallContext {
    let key = OwnKey {
        key: key.into(),
        arguments: [arguments; 32],
    };
    cx().enter(&ADD, Some(key), Instant::now())
}

async fn call(store: &Store, mut cx: CallContext, name: &str) -> Result<String, CallFailure> {
    let mut tx = store.db.begin(&mut cx).await?;
    add(&mut tx, name).await?;
    tx.commit(format!("added {name}")).await
}

fn replayed(result: &Result<String, CallFailure>) -> Option<String> {
    let replay = result.as_ref().err()?.replay()?;
    Some(serde_json::from_slice(&replay.answer).expect("the answer as JSON"))
}

async fn a_repeated_call_gets_the_first_answer(store: Store) {
    assert_eq!(call(&store, called("k", 1), "tea").await, Ok("added tea".to_owned()));
    for _ in 0..3 {
        let again = call(&store, called("k", 1), "tea").await;
        assert_eq!(replayed(&again).as_deref(), Some("added tea"), "{again:?}");
    }
    assert_eq!(store.names().await, ["tea"]);
}

async fn a_key_belongs_to_its_arguments_caller_and_tenant(store: Store) {
    call(&store, called("k", 1), "tea").await.expect("the first call");
    let other = call(&store, called("k", 2), "milk")
        .await
        .expect_err("the key was used for something else");
    let (status, code) = (422, "idempotency-key-reused".to_owned());
    assert_eq!(other.kind(), &FailureKind::Refused { status, code });
    assert!(!other.may_have_executed());
    let someone = called("k", 1).with_principal(Some("someone".into()));
    call(&store, someone, "bread").await.expect("another principal's key");
    let elsewhere = called("k", 1).with_tenant(Some("someone".into()));
    call(&store, elsewhere, "salt").await.expect("another tenant's key");
    assert_eq!(store.names().await, ["bread", "salt", "tea"]);
}

async fn an_answer_is_forgotten_after_a_day(store: Store) {
    call(&store, called("k", 1), "tea").await.expect("the first call");
    store.clock.advance(KEPT_FOR - Duration::from_secs(1));
    assert!(replayed(&call(&store, called("k", 1), "tea").await).is_some());
    assert_eq!(store.db.delete_expired_records(store.clock.now()).await, Ok(0));
    store.clock.advance(Duration::from_secs(1));
    // Expired, but still there: replaced.
    assert_eq!(call(&store, called("k", 2), "milk").await, Ok("added milk".to_owned()));
    assert!(replayed(&call(&store, called("k", 2), "milk").await).is_some());
    call(&store, called("l", 1), "bread").await.expect("another call");
    store.clock.advance(KEPT_FOR);
    assert_eq!(store.db.delete_expired_records(store.clock.now()).await, Ok(2));
    assert_eq!(store.db.delete_expired_records(store.clock.now()).await, Ok(0));
}

async fn a_call_of_several_transactions_records_its_last(store: Store) {
    let mut cx = called("k", 1);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    tx.commit_part().await.expect("a part");
    assert_eq!(cx.effects(), 1, "what fails from here on may have executed");
    let mut tx = store
        .db
        .begin(&mut cx)
        .await
        .expect("a second transaction finds no answer yet");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit("both").await.expect("the answer");
    let late = store
        .db
        .begin(&mut cx)
        .await
        .err()
        .expect("nothing is written after the answer");
    assert!(late.message().contains("after it has committed its answer"), "{late}");
    let mut again = called("k", 1);
    let found = store.db.begin(&mut again).await.err().expect("the recorded answer");
    assert!(found.replay().is_some());
    assert_eq!(store.names().await, ["milk", "tea"]);
}

async fn a_fork_does_not_take_the_answer_of_another_for_its_own(store: Store) {
    let cx = called("k", 1);
    let write = async |name: &str| {
        let mut fork = cx.fork();
        let mut tx = store.db.begin(&mut fork).await?;
        add(&mut tx, name).await?;
        tx.commit("done").await
    };
    let (one, two) = tokio::join!(write("tea"), write("milk"));
    let failure = one.err().xor(two.err()).expect("one of them has answered the call");
    assert!(failure.replay().is_none(), "{failure}");
    assert_eq!(store.names().await.len(), 1);
}

async fn a_safe_method_writes_nothing(store: Store) {
    static LIST: MethodSpec = MethodSpec {
        class: Class::Safe,
        ..ADD_SPEC
    };
    let mut cx = cx().enter(&LIST, None, Instant::now());
    let refused = store
        .db
        .begin(&mut cx)
        .await
        .err()
        .expect("a safe method may not write");
    assert!(refused.message().contains("says that it is safe"), "{refused}");
}

async fn what_was_rolled_back_is_not_recorded(store: Store) {
    let mut cx = called("k", 1);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    drop(tx);
    assert_eq!(call(&store, called("k", 1), "milk").await, Ok("added milk".to_owned()));
}

async fn of_two_calls_at_once_one_is_executed(store: Store) {
    let other = store.reopen().await;
    let start = tokio::sync::Barrier::new(8);
    let store = &store;
    let calls = (0..8).map(|n| {
        let (start, db) = (&start, if n % 2 == 0 { &store.db } else { &other });
        async move {
            let mut cx = called("k", 1);
            start.wait().await;
            let mut tx = db.begin(&mut cx).await?;
            // The same row each time: the unique name would break if two were executed.
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
    let answer = executed[0].to_string();
    for failure in results.iter().filter_map(|result| result.as_ref().err()) {
        let replay = failure.replay().unwrap_or_else(|| panic!("{failure:?}"));
        assert_eq!(&*replay.answer, answer.as_bytes());
    }
    assert_eq!(store.names().await, ["tea"]);
}

/// The insert finds a record that was not there when the transaction began. The lock of the key makes that
/// impossible for calls; here the record is written past it.
async fn an_answer_recorded_meanwhile_wins(store: Store) {
    if store.db.engine() == Engine::Sqlite {
        // Nobody else writes while a transaction is open.
        return;
    }
    call(&store, called("k", 1), "tea").await.expect("the first call");
    store
        .place
        .administer("CREATE TABLE kept AS SELECT * FROM offshoot_answers; DELETE FROM offshoot_answers")
        .await;
    let mut cx = called("k", 1);
    let mut tx = store.db.begin(&mut cx).await.expect("nothing is recorded");
    add(&mut tx, "milk").await.expect("an insert");
    store
        .place
        .administer("INSERT INTO offshoot_answers SELECT * FROM kept")
        .await;
    let late = tx.commit("added milk".to_owned()).await;
    assert_eq!(replayed(&late).as_deref(), Some("added tea"), "{late:?}");
    assert_eq!((cx.effects(), store.names().await), (0, vec!["tea".to_owned()]));
}
