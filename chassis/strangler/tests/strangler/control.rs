//! The control database on both engines: one request wins, the history stays, and only the living count.

use std::time::Duration;

use offshoot_contract::CallContext;
use offshoot_db::{Db, sql};
use offshoot_strangler::store::{
    self, MemberState, SCHEMA, StageOfBuild, add_difference, difference_classes, put_evidence, put_member, sum_of_stage,
};
use offshoot_strangler::{Evidence, Refusal, Request, RequestKind, Settings, State, apply_request};
use offshoot_testkit::{ScratchDatabase, on_both_engines};
use serde_json::json;
use uuid::Uuid;

use crate::world::{READ, advance, clean, now, observation};

on_both_engines! {
    requests_change_record_and_history_together,
    only_the_living_are_waited_for,
    of_two_equal_requests_one_wins,
    the_history_is_append_only,
    counts_of_all_processes_are_summed,
    differences_are_grouped_and_bounded,
    evidence_of_past_stages_is_removed,
}

const MODULE: &str = "stations";

fn context() -> CallContext {
    CallContext::root("strangler").with_timeout(Duration::from_secs(30))
}

/// A live process that follows the records.
async fn join(db: &Db, generation: u64) -> Uuid {
    let instance = Uuid::now_v7();
    let state = MemberState {
        name: "host-1 pid 7".to_owned(),
        implementations: vec![MODULE.to_owned()],
        addresses: [(MODULE.to_owned(), vec!["http://127.0.0.1:1".to_owned()])].into(),
        plans: [(MODULE.to_owned(), generation)].into(),
        candidate_for: Vec::new(),
        routes: vec![MODULE.to_owned()],
        ..MemberState::default()
    };
    let mut cx = context();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    put_member(&mut tx, instance, &state).await.expect("a member");
    let beat =
        sql!("INSERT INTO offshoot_replicas (instance, heartbeats, process, offers) VALUES ($1, 1, 'pid 7', '[]')");
    tx.execute(beat, (instance,)).await.expect("a heartbeat");
    tx.commit_part().await.expect("a commit");
    instance
}

async fn die(db: &Db, instance: Uuid) {
    let mut cx = context();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    let remove = sql!("DELETE FROM offshoot_replicas WHERE instance = $1");
    tx.execute(remove, (instance,)).await.expect("a removed heartbeat");
    tx.commit_part().await.expect("a commit");
}

fn request(generation: u64, kind: RequestKind) -> Request {
    Request {
        operator: "kim".to_owned(),
        generation: Some(generation),
        kind,
    }
}

async fn apply(db: &Db, generation: u64, kind: RequestKind) -> Result<offshoot_strangler::Step, Refusal> {
    let request = request(generation, kind);
    let applied = apply_request(db, &mut context(), MODULE, &request, &observation(), now()).await;
    applied.expect("the control database answers")
}

async fn start(db: &Db) {
    apply(db, 0, RequestKind::Start(Settings::default()))
        .await
        .expect("nothing was started");
}

async fn requests_change_record_and_history_together(scratch: ScratchDatabase) {
    let db = scratch.open(&SCHEMA).await;
    start(&db).await;
    let refused = apply(&db, 1, advance()).await.expect_err("no process follows");
    assert!(refused.to_string().contains("members: red"), "{refused}");
    join(&db, 1).await;
    let step = apply(&db, 1, advance()).await.expect("all gates are green");
    assert_eq!((step.migration.state, step.migration.generation), (State::Encoded, 2));
    let mut cx = context();
    let mut read = db.read(&mut cx).await.expect("a read");
    assert_eq!(
        store::record(&mut read, MODULE).await.expect("a record"),
        Some(step.migration.clone())
    );
    assert_eq!(
        store::records(&mut read).await.expect("records"),
        [(MODULE.to_owned(), step.migration)]
    );
    let history = store::history(&mut read, MODULE, 0, 10).await.expect("a history");
    let states: Vec<_> = history.iter().map(|entry| (entry.generation, entry.to)).collect();
    assert_eq!(states, [(1, State::Local), (2, State::Encoded)]);
}

/// A process that died would never acknowledge a plan; the roster removes it, and steps forward wait for the living.
async fn only_the_living_are_waited_for(scratch: ScratchDatabase) {
    let db = scratch.open(&SCHEMA).await;
    start(&db).await;
    join(&db, 1).await;
    let late = join(&db, 0).await;
    let refused = apply(&db, 1, advance()).await.expect_err("one process is late");
    assert!(
        refused.to_string().contains("runs the plan of generation 0, not 1"),
        "{refused}"
    );
    die(&db, late).await;
    apply(&db, 1, advance()).await.expect("the living follow");
}

async fn of_two_equal_requests_one_wins(scratch: ScratchDatabase) {
    let (db, other) = (scratch.open(&SCHEMA).await, scratch.open(&SCHEMA).await);
    start(&db).await;
    join(&db, 1).await;
    let outcomes = tokio::join!(apply(&db, 1, advance()), apply(&other, 1, advance()));
    let (won, lost) = match outcomes {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("exactly one wins: {both:?}"),
    };
    assert_eq!(won.migration.generation, 2);
    assert_eq!(lost, Refusal::Stale { seen: 1, current: 2 });
}

async fn the_history_is_append_only(scratch: ScratchDatabase) {
    let db = scratch.open(&SCHEMA).await;
    start(&db).await;
    for statement in [sql!("UPDATE history SET entry = '{}'"), sql!("DELETE FROM history")] {
        let mut cx = context();
        let mut tx = db.begin(&mut cx).await.expect("a transaction");
        tx.execute(statement, ()).await.expect_err("the history is append-only");
    }
}

async fn counts_of_all_processes_are_summed(scratch: ScratchDatabase) {
    let db = scratch.open(&SCHEMA).await;
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let put = async |instance, evidence: Evidence| {
        let mut cx = context();
        let mut tx = db.begin(&mut cx).await.expect("a transaction");
        put_evidence(&mut tx, MODULE, instance, &evidence)
            .await
            .expect("evidence");
        tx.commit_part().await.expect("a commit");
    };
    let mut half = clean(3, "b1");
    let method = half.methods.get_mut(READ).expect("the method");
    method.fields_never_compared = ["depth".to_owned()].into();
    put(one, half.clone()).await;
    // A process replaces its own counts, since they are cumulative.
    put(one, half).await;
    put(two, clean(3, "b1")).await;
    put(two, clean(3, "b2")).await;
    put(two, clean(2, "b1")).await;
    let stage = StageOfBuild {
        module: MODULE,
        entered: 3,
        build: "b1",
    };
    let mut cx = context();
    let mut read = db.read(&mut cx).await.expect("a read");
    let sum = sum_of_stage(&mut read, stage).await.expect("a sum");
    let method = &sum.methods[READ];
    assert_eq!(
        (method.compared, method.candidate.calls),
        (2 * crate::world::MANY, 2 * crate::world::MANY)
    );
    assert!(
        method.fields_never_compared.is_empty(),
        "the other process has compared the field"
    );
}

async fn differences_are_grouped_and_bounded(scratch: ScratchDatabase) {
    let db = scratch.open(&SCHEMA).await;
    let stage = StageOfBuild {
        module: MODULE,
        entered: 3,
        build: "b1",
    };
    for number in 0..60 {
        let mut cx = context();
        let mut tx = db.begin(&mut cx).await.expect("a transaction");
        for _ in 0..if number == 0 { 7 } else { 1 } {
            let class = format!("reading: field{number} value");
            add_difference(&mut tx, stage, &class, now(), &json!({"n": number}))
                .await
                .expect("a difference");
        }
        tx.commit_part().await.expect("a commit");
    }
    let mut cx = context();
    let mut read = db.read(&mut cx).await.expect("a read");
    let classes = difference_classes(&mut read, stage).await.expect("classes");
    assert_eq!(classes.len(), 50);
    assert_eq!((classes[0].seen, classes[0].samples.len()), (7, 5));
    assert_eq!(classes[0].class, "reading: field0 value");
}

async fn evidence_of_past_stages_is_removed(scratch: ScratchDatabase) {
    let db = scratch.open(&SCHEMA).await;
    start(&db).await;
    let instance = join(&db, 1).await;
    let mut cx = context();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    put_evidence(&mut tx, MODULE, instance, &clean(1, "b1"))
        .await
        .expect("evidence");
    tx.commit_part().await.expect("a commit");
    apply(&db, 1, advance()).await.expect("all gates are green");
    let mut cx = context();
    let mut read = db.read(&mut cx).await.expect("a read");
    let stage = StageOfBuild {
        module: MODULE,
        entered: 1,
        build: "b1",
    };
    assert!(sum_of_stage(&mut read, stage).await.expect("a sum").methods.is_empty());
}
