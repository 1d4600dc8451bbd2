//! Processes follow the records of one control database.

use offshoot_jobs::{HeartbeatTiming, Replica};
use offshoot_strangler::store::SCHEMA;
use offshoot_strangler::{
    Migration, Mode, Percent, Refusal, Request, RequestKind, Settings, State, StranglerError, Work,
};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::fleet::{Condition, Control, MODULE, Process};
use crate::world::{advance, at, back};

on_both_engines! {
    two_processes_follow_a_step_and_acknowledge_it,
    a_step_forward_waits_for_a_process_that_does_not_look_and_back_for_none,
    a_candidate_works_by_the_plan_and_members_stand_in_for_it,
}

fn started() -> RequestKind {
    RequestKind::Start(Settings::default())
}

async fn two_processes_follow_a_step_and_acknowledge_it(scratch: ScratchDatabase) {
    let control = Control::new(scratch, Condition::Missing);
    let one = Process::start(&control, "one").await;
    let two = Process::start(&control, "two").await;
    let fresh = one.status().await;
    assert_eq!((fresh.generation, fresh.state, fresh.started), (0, State::Local, false));
    assert!(!one.strangler.is_moving(MODULE));
    let refused = one.apply(advance()).await.expect_err("no module was ever moved");
    assert!(
        matches!(refused, StranglerError::Refused(Refusal::NotStarted)),
        "{refused}"
    );
    one.apply(started()).await.expect("the candidate is a good one");
    // The other process finds the control database, and both say which plan they run.
    two.status_with(|status| status.members.len() == 2 && status.can_go_forward)
        .await;
    assert!(one.strangler.is_moving(MODULE) && two.strangler.is_moving(MODULE));
    let applied = two.apply(advance()).await.expect("all gates are green");
    assert_eq!(applied.step.migration.state, State::Encoded);
    assert_eq!(
        two.plan().expect("a plan").mode,
        Mode::Encoded,
        "the asked process routes at once"
    );
    one.routed(|plan| plan.mode == Mode::Encoded).await;
    let status = one
        .status_with(|status| {
            status
                .members
                .iter()
                .all(|member| member.acknowledged == status.generation)
        })
        .await;
    assert_eq!((status.generation, status.members.len()), (2, 2));
    let history = one.strangler.history(MODULE, 0, 10).await.expect("a history");
    assert_eq!(history.len(), 2);
    assert_eq!(status.last.as_ref(), history.last());
    // A dry run decides, and writes nothing.
    let request = Request {
        operator: "kim".to_owned(),
        generation: Some(2),
        kind: back(),
    };
    let tried = one.strangler.apply(MODULE, &request, true).await.expect("back is free");
    assert_eq!((tried.is_dry_run, tried.step.migration.state), (true, State::Local));
    assert_eq!(one.status().await.generation, 2);
    // A process that leaves is not waited for.
    two.strangler.leave().await;
    one.status_with(|status| status.members.len() == 1).await;
}

async fn a_step_forward_waits_for_a_process_that_does_not_look_and_back_for_none(scratch: ScratchDatabase) {
    let control = Control::new(scratch, Condition::There);
    let one = Process::start(&control, "one").await;
    one.apply(started()).await.expect("the candidate is a good one");
    one.status_with(|status| status.can_go_forward).await;
    // The other process is alive, and hangs after its first look.
    let hanging = Process::begin(&control, "hanging", false).await;
    let heart = Replica::of_process(
        control.scratch.open(&SCHEMA).await,
        hanging.instance,
        HeartbeatTiming::default(),
    );
    let beating = tokio::spawn(async move { heart.send_heartbeats().await });
    one.status_with(|status| status.members.len() == 2 && status.can_go_forward)
        .await;
    one.apply(advance()).await.expect("both run the plan");
    one.status_with(|status| status.members.iter().any(|member| member.acknowledged == 2))
        .await;
    let refused = one.apply(advance()).await.expect_err("one process hangs");
    let text = refused.to_string();
    assert!(text.contains("hanging runs the plan of generation 1, not 2"), "{text}");
    let back = one.apply(back()).await.expect("a step back waits for nobody");
    assert_eq!(back.step.migration.state, State::Local);
    assert_eq!(
        one.plan().expect("a plan").mode,
        Mode::Local,
        "the asked process routes at once"
    );
    beating.abort();
}

async fn a_candidate_works_by_the_plan_and_members_stand_in_for_it(scratch: ScratchDatabase) {
    let mut record = at(State::Canary(Percent::new(25).expect("1 to 99")));
    record.settings.work_from = Percent::new(50).expect("1 to 99");
    let control = Control::new(scratch, Condition::There);
    let candidate = Process::start_candidate(&control, "candidate").await;
    let member = Process::start(&control, "member").await;
    candidate.works(false).await;
    member.works(true).await;
    let db = control.seed(&record).await;
    member.routed(|plan| plan.work == Work::Home).await;
    assert!(
        candidate.plan().is_none(),
        "the candidate's own calls stay where they are"
    );
    let status = member.status_with(|status| status.members.len() == 1).await;
    assert_eq!(status.members[0].name, "member", "a candidate is no member");
    // The work is the candidate's from Remote on.
    let remote = Migration {
        state: State::Remote,
        generation: record.generation + 1,
        ..record.clone()
    };
    replace(&db, &record, &remote).await;
    candidate.works(true).await;
    member.works(false).await;
    // Heartbeats end, and the members take the work back.
    drop(candidate);
    member.works(true).await;
}

async fn replace(db: &offshoot_db::Db, before: &Migration, after: &Migration) {
    let mut cx = crate::fleet::context();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    let step = offshoot_strangler::Step {
        migration: after.clone(),
        entry: None,
    };
    let written = offshoot_strangler::store::write(&mut tx, MODULE, before, &step).await;
    assert!(written.expect("a record"));
    tx.commit_part().await.expect("a commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_refuses_a_bad_candidate_and_a_dry_run_creates_nothing() {
    let scratch = ScratchDatabase::create(offshoot_db::Engine::Sqlite).await;
    let control = Control::new(scratch.expect("SQLite is always available"), Condition::Missing);
    let process = Process::start(&control, "one").await;
    let request = Request {
        operator: "kim".to_owned(),
        generation: Some(0),
        kind: started(),
    };
    let tried = process
        .strangler
        .apply(MODULE, &request, true)
        .await
        .expect("a good candidate");
    assert!(tried.is_dry_run && tried.step.migration.started);
    let refused = process.apply(RequestKind::Pause { reason: None }).await;
    assert!(
        matches!(refused, Err(StranglerError::Refused(Refusal::NotStarted))),
        "nothing was created: {refused:?}"
    );
    {
        let mut observation = process.module.observation.lock().expect("no test panics with the lock");
        observation.candidate.as_mut().expect("a candidate").same_data = false;
    }
    let refused = process.apply(started()).await.expect_err("a candidate on other data");
    assert!(
        matches!(&refused, StranglerError::Refused(Refusal::Gates(_))),
        "{refused}"
    );
    assert!(refused.to_string().contains("works on other data"), "{refused}");
    let unknown = process.strangler.status("ships").await.expect_err("no module");
    assert!(unknown.to_string().contains("the modules are stations"), "{unknown}");
}
