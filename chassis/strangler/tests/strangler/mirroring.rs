//! The checks beside the calls: wrong values are found, noise is not, and users never wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use offshoot_contract::{Attempt, FailureKind, Side, TrialObserver};
use offshoot_db::Engine;
use offshoot_strangler::{IgnoreRule, MethodEvidence, Mode, Percent, RequestKind, State, Status};
use offshoot_testkit::ScratchDatabase;
use serde_json::json;
use tokio::time::timeout;

use crate::calls::{Answers, ScriptedCall, always, answer, failed, never, unknown};
use crate::fleet::{Condition, Control, MODULE, PATIENCE, Process, reading};
use crate::world::{READ, at, identity, now};

/// A fleet of one process in a state, with every read in the sample.
async fn fleet(state: State) -> (Arc<Control>, Process) {
    let scratch = ScratchDatabase::create(Engine::Sqlite).await;
    let control = Control::new(scratch.expect("SQLite is always available"), Condition::There);
    let mut record = at(state);
    record.settings.sample_per_mille = 1_000;
    control.seed(&record).await;
    let process = Process::start(&control, "one").await;
    (control, process)
}

fn canary() -> State {
    State::Canary(Percent::new(25).expect("1 to 99"))
}

/// Answers with a number that rises with each call.
fn counting(answers: impl Fn(u32) -> offshoot_contract::Observed + Send + Sync + 'static) -> Answers {
    let calls = AtomicU32::new(0);
    Arc::new(move || Some(answers(calls.fetch_add(1, Relaxed))))
}

/// Checks calls one after the other.
async fn check(
    observer: &dyn TrialObserver,
    calls: u32,
    call: impl Fn() -> (ScriptedCall, tokio::sync::oneshot::Receiver<()>),
) {
    for _ in 0..calls {
        let (call, ended) = call();
        observer.observe(Box::new(call));
        timeout(PATIENCE, ended)
            .await
            .expect("the check ends")
            .expect("the call tells");
    }
}

fn counts(status: &Status) -> MethodEvidence {
    status.methods.get(READ).cloned().unwrap_or_default()
}

/// Checks have a result, or were dropped because the machine was busy.
fn checked(status: &Status) -> u64 {
    let counts = counts(status);
    counts.compared + counts.unsettled + counts.dropped + counts.race_checks
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_value_in_a_hundred_is_found_and_named() {
    let (_control, process) = fleet(State::Shadow).await;
    let observer = process.routed(|plan| plan.mode == Mode::Shadow).await.observer;
    let right = || answer(json!({"height": 5, "at": "2026-01-05T10:00:00Z", "name": "Ada Lovelace"}));
    let wrong = || answer(json!({"height": 6, "at": "2026-01-05T10:00:00Z", "name": "Ada Lovelace"}));
    let candidate = counting(move |call| if call % 100 == 99 { wrong() } else { right() });
    check(&*observer, 600, || {
        ScriptedCall::new(always(right()), Arc::clone(&candidate))
    })
    .await;
    let status = process.status_with(|status| checked(status) == 600).await;
    let counts = counts(&status);
    assert!(counts.mismatched >= 1 && counts.mismatched <= 6, "{counts:?}");
    assert_eq!(counts.classes, ["height value".to_owned()].into());
    assert!(counts.fields_never_compared.is_empty(), "{counts:?}");
    assert_eq!(counts.repeated, counts.candidate.calls);
    assert_eq!(status.share_of_calls, None, "repetitions are no calls of users");
    let found = process.strangler.differences(MODULE).await.expect("differences");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].class.as_str(), found[0].seen),
        ("reading height value", counts.mismatched)
    );
    let sample = found[0].samples[0].to_string();
    assert!(sample.contains("\"height\":6") && !sample.contains("Ada"), "{sample}");
    assert_eq!(found[0].samples[0]["replayable"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_changes_by_itself_is_no_fault() {
    let (_control, process) = fleet(State::Shadow).await;
    let observer = process.routed(|plan| plan.mode == Mode::Shadow).await.observer;
    let seen = Arc::new(AtomicU32::new(0));
    let next = move || {
        let seen = Arc::clone(&seen);
        let answers: Answers = Arc::new(move || Some(answer(json!({"height": 5, "seen": seen.fetch_add(1, Relaxed)}))));
        answers
    };
    let answers = next();
    check(&*observer, 200, || {
        ScriptedCall::new(Arc::clone(&answers), Arc::clone(&answers))
    })
    .await;
    let status = process.status_with(|status| checked(status) == 200).await;
    let counts = counts(&status);
    assert_eq!((counts.mismatched, counts.classes.len()), (0, 0), "{counts:?}");
    assert!(counts.noise > 0 && counts.races > 0, "{counts:?}");
    assert_eq!(
        counts.fields_never_compared,
        ["seen".to_owned()].into(),
        "nobody has compared the changing field"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_between_the_answers_is_no_fault_of_the_candidate() {
    let (_control, process) = fleet(canary()).await;
    let observer = process.routed(|plan| plan.mode == Mode::Split).await.observer;
    // The caller has the candidate's old answer; meanwhile the height was changed once.
    check(&*observer, 50, || {
        let (old, new) = (answer(json!({"height": 5})), answer(json!({"height": 6})));
        let (mut call, ended) = ScriptedCall::new(always(new.clone()), always(new));
        (call.answered_by, call.given) = (Side::Candidate, old);
        (call, ended)
    })
    .await;
    let status = process.status_with(|status| checked(status) == 50).await;
    assert_eq!(counts(&status).mismatched, 0, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_that_a_caller_received_is_found() {
    let (_control, process) = fleet(canary()).await;
    let observer = process.routed(|plan| plan.mode == Mode::Split).await.observer;
    check(&*observer, 40, || {
        let (right, wrong) = (answer(json!({"height": 5})), answer(json!({"height": 6})));
        let (mut call, ended) = ScriptedCall::new(always(right), always(wrong.clone()));
        (call.answered_by, call.given) = (Side::Candidate, wrong);
        (call, ended)
    })
    .await;
    let status = process.status_with(|status| checked(status) == 40).await;
    let counts = counts(&status);
    assert!(
        counts.mismatched > 0 && counts.mismatched == counts.compared,
        "{counts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_compared_and_failures_count_as_both() {
    let (_control, process) = fleet(State::Shadow).await;
    let observer = process.routed(|plan| plan.mode == Mode::Shadow).await.observer;
    check(&*observer, 20, || {
        ScriptedCall::new(always(unknown(7)), always(unknown(7)))
    })
    .await;
    let status = process.status_with(|status| checked(status) == 20).await;
    assert_eq!((counts(&status).mismatched, counts(&status).candidate.failed), (0, 0));
    check(&*observer, 40, || {
        ScriptedCall::new(always(answer(json!(5))), always(failed(FailureKind::Timeout)))
    })
    .await;
    check(&*observer, 40, || {
        ScriptedCall::new(always(answer(json!(5))), always(unknown(7)))
    })
    .await;
    let status = process.status_with(|status| checked(status) == 100).await;
    let found = counts(&status);
    assert_eq!(
        found.classes,
        [":domain-error".to_owned(), ":timeout".to_owned()].into()
    );
    assert!(
        found.candidate.failed > 0 && found.candidate.failed < found.mismatched,
        "{found:?}"
    );
    // A local side without an answer, and a candidate that sheds repetitions, prove nothing.
    let before = found.mismatched;
    check(&*observer, 20, || {
        let (mut call, ended) = ScriptedCall::new(always(answer(json!(5))), always(answer(json!(6))));
        call.given = failed(FailureKind::Unavailable);
        (call, ended)
    })
    .await;
    let shed = FailureKind::Overloaded {
        retry_after: Duration::ZERO,
    };
    check(&*observer, 20, || {
        ScriptedCall::new(always(answer(json!(5))), always(failed(shed.clone())))
    })
    .await;
    let status = process.status_with(|status| checked(status) == 140).await;
    assert_eq!(counts(&status).mismatched, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_no_noise_although_the_answer_keeps_changing() {
    let (_control, process) = fleet(State::Shadow).await;
    let observer = process.routed(|plan| plan.mode == Mode::Shadow).await.observer;
    let answers = counting(|call| answer(json!({"seen": call})));
    check(&*observer, 40, || {
        ScriptedCall::new(Arc::clone(&answers), always(failed(FailureKind::Internal)))
    })
    .await;
    let status = process.status_with(|status| checked(status) == 40).await;
    let counts = counts(&status);
    assert_eq!(counts.classes, [":internal".to_owned()].into());
    assert_eq!((counts.noise, counts.unsettled), (0, 0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_belong_to_a_build() {
    let (_control, process) = fleet(canary()).await;
    let observer = process.routed(|plan| plan.mode == Mode::Split).await.observer;
    attempts(&*observer, Side::Candidate, 30, Duration::from_millis(1));
    process.status_with(|status| counts(status).candidate.calls == 30).await;
    replace_build(&process, "b2");
    process.status_with(|status| counts(status).candidate.calls == 0).await;
    attempts(&*observer, Side::Candidate, 1, Duration::from_millis(1));
    process.status_with(|status| counts(status).candidate.calls == 1).await;
    // A build that returns goes on counting.
    replace_build(&process, "b1");
    process.status_with(|status| counts(status).candidate.calls == 30).await;
}

fn replace_build(process: &Process, build: &str) {
    let mut observation = process.module.observation.lock().expect("no test panics with the lock");
    let candidate = observation.candidate.as_mut().expect("a candidate");
    candidate.identity = Some(identity(build));
}

fn attempts(observer: &dyn TrialObserver, side: Side, calls: u32, took: Duration) {
    for _ in 0..calls {
        observer.attempt(&Attempt {
            method: 0,
            side,
            outcome: answer(json!(5)).outcome,
            took,
            is_blameless: false,
            is_fallback: false,
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_attempt_is_slow_beside_the_local_side() {
    let (_control, process) = fleet(canary()).await;
    let observer = process.routed(|plan| plan.mode == Mode::Split).await.observer;
    attempts(&*observer, Side::Local, 1_000, Duration::from_millis(40));
    let status = process.status_with(|status| counts(status).local.calls == 1_000).await;
    assert!((40_000..=45_000).contains(&counts(&status).local.p99_us), "{status:?}");
    // Twice the local latency is more than 20 ms above.
    attempts(&*observer, Side::Candidate, 10, Duration::from_millis(75));
    attempts(&*observer, Side::Candidate, 7, Duration::from_millis(95));
    let status = process.status_with(|status| counts(status).candidate.calls == 17).await;
    assert_eq!(counts(&status).candidate.slow, 7);
    assert_eq!(status.share_of_calls, Some(17.0 / 1_017.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_explains_differences_of_the_past_too() {
    let (_control, process) = fleet(State::Shadow).await;
    let observer = process.routed(|plan| plan.mode == Mode::Shadow).await.observer;
    check(&*observer, 40, || {
        ScriptedCall::new(
            always(answer(json!({"height": 5}))),
            always(answer(json!({"height": 6}))),
        )
    })
    .await;
    process.status_with(|status| counts(status).mismatched > 0).await;
    let rule = IgnoreRule {
        method: READ.to_owned(),
        path: "height".to_owned(),
        unordered: false,
        reason: "measured anew".to_owned(),
        until: now().plus(Duration::from_secs(100 * 365 * 86_400)),
    };
    process.apply(RequestKind::Ignore(rule)).await.expect("a valid rule");
    let status = process.status_with(|status| counts(status).mismatched == 0).await;
    let counts = counts(&status);
    assert!(counts.compared > 0 && counts.classes.is_empty(), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_encoding_changes_are_counted() {
    let (_control, process) = fleet(State::Encoded).await;
    let observer = process.routed(|plan| plan.mode == Mode::Encoded).await.observer;
    assert!(observer.wants(0, reading()));
    check(&*observer, 40, || {
        let (mut call, ended) = ScriptedCall::new(always(answer(json!(5))), never());
        call.encoding = Err("answer.height".to_owned());
        (call, ended)
    })
    .await;
    let status = process
        .status_with(|status| counts(status).encoded + counts(status).dropped == 40)
        .await;
    let counts = counts(&status);
    assert!(
        counts.encoding_failed > 0 && counts.encoding_failed == counts.encoded,
        "{counts:?}"
    );
    let found = process.strangler.differences(MODULE).await.expect("differences");
    assert_eq!(found[0].class, "reading encoding: answer.height");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_candidate_costs_users_nothing() {
    let (_control, process) = fleet(canary()).await;
    let observer = process.routed(|plan| plan.mode == Mode::Split).await.observer;
    for _ in 0..100 {
        let (call, _) = ScriptedCall::new(always(answer(json!(5))), never());
        // Returns although no check ever ends.
        observer.observe(Box::new(call));
    }
    attempts(&*observer, Side::Local, 1, Duration::from_millis(1));
    // At most eight checks wait, and checks for races end.
    let status = process
        .status_with(|status| counts(status).dropped >= 84 && counts(status).local.calls > 0)
        .await;
    let counts = counts(&status);
    assert_eq!((counts.local.calls, counts.compared), (1, 0));
    assert_eq!(status.share_of_calls, Some(0.0));
}

/// One thread, so that the test can keep the checks from starting.
#[tokio::test]
async fn a_busy_process_samples_half_as_many_calls() {
    let (_control, process) = fleet(State::Shadow).await;
    let observer = process.routed(|plan| plan.mode == Mode::Shadow).await.observer;
    let sampled = || (0..1_000).filter(|_| observer.wants(0, reading())).count();
    assert_eq!(sampled(), 1_000);
    let (call, ended) = ScriptedCall::new(always(answer(json!(5))), never());
    observer.observe(Box::new(call));
    // No other task runs meanwhile.
    std::thread::sleep(Duration::from_millis(20));
    timeout(PATIENCE, ended)
        .await
        .expect("the check ends")
        .expect("the call tells");
    let halved = sampled();
    assert!((350..=650).contains(&halved), "{halved} of 1000");
    process.status_with(|status| counts(status).dropped == 1).await;
}
