//! Windows are judged once, under a lease, and harm sends the module back.

use std::time::Duration;

use offshoot_contract::{Attempt, LeaseProof, Side};
use offshoot_db::{Db, Engine};
use offshoot_strangler::store::{put_evidence, record};
use offshoot_strangler::{Evidence, MethodEvidence, Mode, Percent, SideCounts, State, Verb, WindowJudge};
use offshoot_testkit::{ScratchDatabase, on_both_engines};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::calls::unavailable;
use crate::fleet::{Condition, Control, MODULE, Process, context};
use crate::world::{READ, at, now, observation};

on_both_engines! {
    two_judges_count_a_window_once,
    a_judge_without_its_lease_writes_nothing,
}

fn canary() -> offshoot_strangler::Migration {
    at(State::Canary(Percent::new(25).expect("1 to 99")))
}

/// Writes what the candidate has done in the current stage.
async fn put(db: &Db, instance: Uuid, calls: u64, failed: u64) {
    let candidate = SideCounts {
        calls,
        failed,
        slow: 0,
        p99_us: 900,
    };
    let method = MethodEvidence {
        candidate,
        ..MethodEvidence::default()
    };
    let evidence = Evidence {
        entered: canary().entered,
        build: "b1".to_owned(),
        methods: [(READ.to_owned(), method)].into(),
        events_handled: 0,
        events_set_aside: 0,
    };
    let mut cx = context();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    put_evidence(&mut tx, MODULE, instance, &evidence)
        .await
        .expect("evidence");
    tx.commit_part().await.expect("a commit");
}

async fn two_judges_count_a_window_once(scratch: ScratchDatabase) {
    let control = Control::new(scratch, Condition::There);
    let db = control.seed(&canary()).await;
    let member = Uuid::now_v7();
    let began = Instant::now();
    let after = |seconds| (now(), began + Duration::from_secs(seconds));
    let (mut one, mut two) = (WindowJudge::new("one"), WindowJudge::new("two"));
    put(&db, member, 1_000, 0).await;
    for judge in [&mut one, &mut two] {
        let found = judge.look(&db, &mut context(), MODULE, &observation(), after(0)).await;
        assert_eq!(
            found.expect("the control database answers"),
            None,
            "the window has begun"
        );
    }
    put(&db, member, 1_100, 30).await;
    let early = one.look(&db, &mut context(), MODULE, &observation(), after(9)).await;
    assert_eq!(early.expect("an answer"), None, "the window is too short");
    let judged = one.look(&db, &mut context(), MODULE, &observation(), after(10)).await;
    let judged = judged.expect("an answer").expect("a judgement");
    assert_eq!((judged.migration.judged, judged.migration.bad_windows), (1, 1));
    // The other judge has seen the same calls.
    let second = two.look(&db, &mut context(), MODULE, &observation(), after(10)).await;
    assert_eq!(second.expect("an answer"), None, "the window was judged");
    let mut cx = context();
    let mut read = db.read(&mut cx).await.expect("a read");
    let stored = record(&mut read, MODULE).await.expect("an answer").expect("a record");
    assert_eq!((stored.judged, stored.bad_windows), (1, 1));
    drop(read);
    // Too few calls: the window goes on.
    put(&db, member, 1_120, 30).await;
    let few = two.look(&db, &mut context(), MODULE, &observation(), after(25)).await;
    assert_eq!(few.expect("an answer"), None);
    put(&db, member, 1_200, 60).await;
    let judged = two.look(&db, &mut context(), MODULE, &observation(), after(26)).await;
    let judged = judged.expect("an answer").expect("a judgement");
    assert_eq!(judged.migration.state, State::Shadow, "bad twice in a row");
    assert_eq!(judged.entry.expect("an entry").verb, Verb::Halt);
}

async fn a_judge_without_its_lease_writes_nothing(scratch: ScratchDatabase) {
    let control = Control::new(scratch, Condition::There);
    let db = control.seed(&canary()).await;
    let member = Uuid::now_v7();
    let take = "INSERT INTO offshoot_leases (name, token) VALUES ('windows', 1)";
    control.scratch.administer("control", take).await;
    let leased = || {
        context().with_lease(
            LeaseProof {
                name: "windows".into(),
                token: 1,
            }
            .into(),
        )
    };
    let mut judge = WindowJudge::new("suspended");
    let moment = (now(), Instant::now());
    put(&db, member, 0, 0).await;
    let found = judge.look(&db, &mut leased(), MODULE, &observation(), moment).await;
    assert_eq!(found.expect("the control database answers"), None);
    put(&db, member, 100, 100).await;
    control
        .scratch
        .administer("control", "UPDATE offshoot_leases SET token = 2")
        .await;
    judge
        .look(&db, &mut leased(), MODULE, &observation(), moment)
        .await
        .expect_err("another process judges now");
    let mut cx = context();
    let mut read = db.read(&mut cx).await.expect("a read");
    let stored = record(&mut read, MODULE).await.expect("an answer").expect("a record");
    assert_eq!(stored.state, canary().state);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_sends_all_processes_back_also_while_paused() {
    let scratch = ScratchDatabase::create(Engine::Sqlite).await;
    let control = Control::new(scratch.expect("SQLite is always available"), Condition::There);
    let mut paused = canary();
    paused.paused = true;
    control.seed(&paused).await;
    let one = Process::start(&control, "one").await;
    let two = Process::start(&control, "two").await;
    let observer = one.routed(|plan| plan.mode == Mode::Split).await.observer;
    let users = tokio::spawn(async move {
        // Users go on, and the candidate answers none of them.
        loop {
            observer.attempt(&Attempt {
                method: 0,
                side: Side::Candidate,
                outcome: unavailable(),
                took: Duration::from_millis(1),
                is_blameless: false,
                is_fallback: false,
            });
            sleep(Duration::from_millis(5)).await;
        }
    });
    for process in [&one, &two] {
        process.routed(|plan| plan.mode == Mode::Shadow).await;
    }
    users.abort();
    let status = two.status_with(|status| status.state == State::Shadow).await;
    assert!(status.paused);
    let history = two.strangler.history(MODULE, 0, 10).await.expect("a history");
    assert_eq!(
        history.len(),
        1,
        "one step, although both processes saw the failures: {history:?}"
    );
    let halted = status.halted.expect("the reason");
    assert!(halted.ends_with("calls of reading failed"), "{halted}");
}
