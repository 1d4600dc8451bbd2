//! The control database is away: plans stay, also over a restart.

use std::fs;
use std::time::Duration;

use offshoot_contract::{Attempt, Side};
use offshoot_db::Engine;
use offshoot_strangler::{
    MethodEvidence, Migration, Mode, Percent, Request, RequestKind, State, Status, StranglerError,
};
use offshoot_testkit::ScratchDatabase;
use serde_json::{Value, json};

use crate::calls::{ScriptedCall, always, answer, unavailable};
use crate::fleet::{Condition, Control, MODULE, Process, context};
use crate::world::{READ, at, back};

fn canary() -> Migration {
    at(State::Canary(Percent::new(25).expect("1 to 99")))
}

async fn scratch() -> ScratchDatabase {
    let scratch = ScratchDatabase::create(Engine::Sqlite).await;
    scratch.expect("SQLite is always available")
}

fn step_back() -> Request {
    Request {
        operator: "kim".to_owned(),
        generation: None,
        kind: back(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_the_control_database_follows_the_last_known_plan() {
    let control = Control::new(scratch().await, Condition::There);
    control.seed(&canary()).await;
    let before = Process::start(&control, "before").await;
    let plan = before.plan().expect("a plan before the process serves");
    assert_eq!(plan.mode, Mode::Split);
    drop(before);
    control.set(Condition::Unreachable);
    let after = Process::begin(&control, "after", false).await;
    assert_eq!(
        after.plan(),
        Some(plan),
        "the last known plan is routed before the process serves"
    );
    assert!(after.strangler.is_moving(MODULE));
    let status = after.status().await;
    assert_eq!(status.state, canary().state);
    assert!(!status.can_go_forward && status.can_go_back);
    assert!(status.warnings[0].contains("no route to host"), "{:?}", status.warnings);
    let refused = after.strangler.apply(MODULE, &step_back(), false).await;
    assert!(matches!(refused, Err(StranglerError::Control(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_database_that_returns_is_followed_again() {
    let control = Control::new(scratch().await, Condition::There);
    control.seed(&canary()).await;
    drop(Process::start(&control, "before").await);
    control.set(Condition::Unreachable);
    let process = Process::start(&control, "after").await;
    control.set(Condition::There);
    let status = process.status_with(|status| status.warnings.is_empty()).await;
    assert_eq!(status.generation, canary().generation);
    let applied = process
        .strangler
        .apply(MODULE, &step_back(), false)
        .await
        .expect("a step back");
    assert!(applied.step.migration.state < canary().state);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_control_database_costs_no_count() {
    let control = Control::new(scratch().await, Condition::There);
    let db = control.seed(&canary()).await;
    let process = Process::start(&control, "one").await;
    let routed = process.routed(|plan| plan.mode == Mode::Split).await;
    let mut cx = context();
    let lock = db.begin(&mut cx).await.expect("the only writer");
    let count = |calls| {
        for _ in 0..calls {
            routed.observer.attempt(&Attempt {
                method: 0,
                side: Side::Local,
                outcome: unavailable(),
                took: Duration::from_millis(1),
                is_blameless: false,
                is_fallback: true,
            });
        }
    };
    count(10);
    for _ in 0..20 {
        // Too slow on a busy machine, a check is dropped.
        let (call, ended) = ScriptedCall::new(always(answer(json!(5))), always(answer(json!(6))));
        routed.observer.observe(Box::new(call));
        ended.await.expect("the check ends");
    }
    let refused = process.strangler.apply(MODULE, &step_back(), false).await;
    assert!(matches!(refused, Err(StranglerError::Control(_))), "{refused:?}");
    assert_eq!(process.plan(), Some(routed.plan.clone()), "the plan stays");
    count(10);
    drop(lock);
    let is_counted = |counts: &MethodEvidence| counts.local.calls == 20;
    let status = process
        .status_with(|status| status.methods.get(READ).is_some_and(is_counted))
        .await;
    let counts = &status.methods[READ];
    assert_eq!((counts.local.failed, counts.fallbacks), (20, 20));
    let found = process.strangler.differences(MODULE).await.expect("differences");
    assert_eq!(found[0].seen, counts.mismatched, "differences wait, too");
    process
        .strangler
        .apply(MODULE, &step_back(), false)
        .await
        .expect("a step back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_file_is_ignored_and_replaced() {
    let control = Control::new(scratch().await, Condition::Unreachable);
    fs::write(control.records_file(), "{\"saved_at\": ").expect("a file");
    let process = Process::begin(&control, "one", false).await;
    assert!(process.plan().is_none(), "without a record the settings decide");
    drop(process);
    control.set(Condition::There);
    control.seed(&canary()).await;
    let process = Process::begin(&control, "two", false).await;
    assert_eq!(process.plan().expect("a plan").mode, Mode::Split);
    let saved = fs::read_to_string(control.records_file()).expect("a file");
    assert!(saved.contains("canary:25"), "{saved}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_control_database_does_not_undo_steps() {
    let control = Control::new(scratch().await, Condition::There);
    control.seed(&canary()).await;
    let known = Process::begin(&control, "before", false).await.plan().expect("a plan");
    let saved = fs::read_to_string(control.records_file()).expect("a file");
    // The same data directory, with another control database: that of another host, or a new one.
    let other = Control::new(scratch().await, Condition::There);
    fs::write(other.records_file(), &saved).expect("a file");
    other.seed(&at(State::Encoded)).await;
    let process = Process::start(&other, "after").await;
    assert_eq!(process.plan(), Some(known.clone()));
    let status = process.status_with(|status| !status.warnings.is_empty()).await;
    assert!(
        status.warnings[0].contains("of another control database"),
        "{:?}",
        status.warnings
    );
    // A step in the other database is older than the known record, too.
    let end = RequestKind::Back {
        to: Some(State::Local),
        reason: None,
    };
    process.apply(end).await.expect("a step back in the other database");
    process.status_with(|status| status.state == State::Local).await;
    assert_eq!(process.plan(), Some(known));
    let kept = fs::read_to_string(other.records_file()).expect("a file");
    assert_eq!(kept, saved, "an older record never replaces a newer one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_process_does_not_replace_newer_records() {
    let control = Control::new(scratch().await, Condition::There);
    control.seed(&canary()).await;
    let slow = Process::start(&control, "slow").await;
    // Another process of the directory has seen later steps.
    let saved = fs::read_to_string(control.records_file()).expect("a file");
    let mut newer: Value = serde_json::from_str(&saved).expect("JSON");
    newer["records"][MODULE]["generation"] = json!(50);
    fs::write(control.records_file(), newer.to_string()).expect("a file");
    slow.strangler
        .apply(MODULE, &step_back(), false)
        .await
        .expect("a step back");
    // A process saves a record before it acknowledges the plan.
    let stepped = canary().generation + 1;
    let is_followed = |status: &Status| status.members.iter().any(|member| member.acknowledged == stepped);
    slow.status_with(is_followed).await;
    let kept = fs::read_to_string(control.records_file()).expect("a file");
    assert_eq!(serde_json::from_str::<Value>(&kept).expect("JSON"), newer);
}
