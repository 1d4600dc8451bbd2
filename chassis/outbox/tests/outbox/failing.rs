//! Events that cannot be handled: tried again, given up, and in nobody's way but that of their own key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::{Clock as _, ManualClock, SystemClock, Timestamp};
use offshoot_outbox::{DeadLetter, LocalSource, SubscriptionSettings};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::rig::{DEPOT, LEDGER, Process, Rig, announce, counted, cx, eventually, listening, of, quick, status};

on_both_engines! {
    only_its_own_key_waits_for_one_that_fails,
    one_that_is_given_up_waits_for_an_operator,
    one_that_is_skipped_lets_the_others_go,
    a_panic_is_a_refusal,
    a_version_that_is_not_known_is_set_aside,
    a_payload_that_is_damaged_is_set_aside,
    an_event_that_is_not_known_is_set_aside,
    what_is_set_aside_outlives_the_worker,
    a_clock_that_jumps_keeps_and_loses_nothing,
}

async fn letters(rig: &Rig) -> Vec<DeadLetter> {
    offshoot_outbox::dead_letters(&rig.ledger, &mut cx(), None, 100)
        .await
        .unwrap()
}

async fn dead(rig: &Rig) -> bool {
    letters(rig).await.iter().any(|letter| letter.state == "dead")
}

async fn only_its_own_key_waits_for_one_that_fails(place: Fresh) {
    let rig = Rig::on(place).await;
    rig.listener.refuse("a");
    let _process = rig.start(1);
    announce(
        &rig.depot,
        &[counted("a", 1), counted("b", 1), counted("a", 2), counted("b", 2)],
    )
    .await;
    assert_eq!(of(&rig.hears(2).await, "b"), [1, 2]);
    rig.listener.accept("a");
    offshoot_outbox::retry(&rig.ledger, &mut cx(), "listener", None)
        .await
        .unwrap();
    announce(&rig.depot, &[counted("a", 3)]).await;
    assert_eq!(of(&rig.hears(5).await, "a"), [1, 2, 3]);
    assert_eq!(letters(&rig).await, []);
}

async fn one_that_is_given_up_waits_for_an_operator(place: Fresh) {
    let rig = Rig::on(place).await;
    rig.listener.refuse("a");
    let _process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1), counted("a", 2)]).await;
    eventually(async || dead(&rig).await).await;
    let letters = letters(&rig).await;
    let [first, second] = &letters[..] else {
        panic!("{letters:?}")
    };
    assert_eq!(
        (first.state, first.attempts, first.due_at),
        ("dead", 3, None::<Timestamp>)
    );
    assert_eq!(first.reason, "a is not wanted");
    assert_eq!(first.payload, r#"{"shelf":"a","count":1}"#);
    assert_eq!((second.state, second.attempts), ("waiting", 0));
    let partition = &status(&rig.ledger).await[0];
    assert_eq!((partition.dead, partition.parked), (1, 1));
    // Nothing happens by itself, and a retry that is in vain is counted from the beginning.
    offshoot_outbox::retry(&rig.ledger, &mut cx(), "listener", Some(first.position))
        .await
        .unwrap();
    eventually(async || dead(&rig).await).await;
    rig.listener.accept("a");
    offshoot_outbox::retry(&rig.ledger, &mut cx(), "listener", Some(first.position))
        .await
        .unwrap();
    assert_eq!(of(&rig.hears(2).await, "a"), [1, 2]);
    let none = offshoot_outbox::retry(&rig.ledger, &mut cx(), "listener", Some(77))
        .await
        .unwrap_err();
    assert!(none.to_string().contains("no event set aside at 77"), "{none}");
}

async fn one_that_is_skipped_lets_the_others_go(place: Fresh) {
    let rig = Rig::on(place).await;
    rig.listener.refuse("a");
    let _process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1), counted("a", 2)]).await;
    eventually(async || dead(&rig).await).await;
    let position = letters(&rig).await[0].position;
    rig.listener.accept("a");
    offshoot_outbox::skip(&rig.ledger, &mut cx(), "listener", position)
        .await
        .unwrap();
    assert_eq!(of(&rig.hears(1).await, "a"), [2]);
    announce(&rig.depot, &[counted("a", 3)]).await;
    assert_eq!(of(&rig.hears(2).await, "a"), [2, 3]);
}

async fn a_panic_is_a_refusal(place: Fresh) {
    let rig = Rig::on(place).await;
    rig.listener.panics.store(true, Ordering::Relaxed);
    let _process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1)]).await;
    eventually(async || dead(&rig).await).await;
    assert_eq!(letters(&rig).await[0].reason, "the subscriber panicked");
    rig.listener.panics.store(false, Ordering::Relaxed);
    offshoot_outbox::retry(&rig.ledger, &mut cx(), "listener", None)
        .await
        .unwrap();
    assert_eq!(of(&rig.hears(1).await, "a"), [1]);
}

/// An event that no binary here would write.
async fn plant(rig: &Rig, name: &str, version: i32, payload: &str) {
    let at = match rig.depot.engine() {
        offshoot_db::Engine::Sqlite => "0",
        offshoot_db::Engine::Postgres => "now()",
    };
    let lasting = match rig.depot.engine() {
        offshoot_db::Engine::Sqlite => "0",
        offshoot_db::Engine::Postgres => "false",
    };
    let sql = format!(
        "INSERT INTO offshoot_events (name, version, key, bucket, lasting, payload, at) \
         VALUES ('{name}', {version}, 'a', 0, {lasting}, '{payload}', {at})"
    );
    rig.place.administer("depot", &sql).await;
}

async fn a_version_that_is_not_known_is_set_aside(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = rig.start(1);
    plant(&rig, "counted", 7, "{}").await;
    eventually(async || dead(&rig).await).await;
    let reason = letters(&rig).await[0].reason.clone();
    assert_eq!(
        reason,
        "`counted` came in version 7, and this binary reads version 1: start one that reads both"
    );
}

async fn a_payload_that_is_damaged_is_set_aside(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = rig.start(1);
    plant(&rig, "counted", 1, r#"{"shelf":"a","count":"#).await;
    announce(&rig.depot, &[counted("b", 1)]).await;
    assert_eq!(of(&rig.hears(1).await, "b"), [1]);
    eventually(async || dead(&rig).await).await;
    let reason = letters(&rig).await[0].reason.clone();
    assert!(
        reason.starts_with("the payload of `counted` does not have the shape"),
        "{reason}"
    );
}

/// A newer binary may wait for it, and take over from this one.
async fn an_event_that_is_not_known_is_set_aside(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = rig.start(1);
    plant(&rig, "painted", 1, "{}").await;
    announce(&rig.depot, &[counted("b", 1)]).await;
    assert_eq!(of(&rig.hears(1).await, "b"), [1]);
    eventually(async || dead(&rig).await).await;
    let reason = &letters(&rig).await[0].reason;
    assert!(reason.contains("`painted`") && reason.contains("newer"), "{reason}");
}

async fn what_is_set_aside_outlives_the_worker(place: Fresh) {
    let rig = Rig::on(place).await;
    rig.listener.refuse("a");
    let process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1)]).await;
    eventually(async || !letters(&rig).await.is_empty()).await;
    process.kill();
    announce(&rig.depot, &[counted("a", 2)]).await;
    rig.listener.accept("a");
    let _next = rig.start(1);
    offshoot_outbox::retry(&rig.ledger, &mut cx(), "listener", None)
        .await
        .unwrap();
    assert_eq!(of(&rig.hears(2).await, "a"), [1, 2]);
    // The log itself needed nobody.
    let log = offshoot_outbox::outbox_status(&rig.depot, &mut cx()).await.unwrap();
    assert_eq!((log.last, log.unnumbered), (2, 0));
    drop(LocalSource::new(rig.depot.clone()));
}

/// An hour ahead for a while, and an hour back: times are shown, and positions decide.
async fn a_clock_that_jumps_keeps_and_loses_nothing(place: Fresh) {
    const HOUR: Duration = Duration::from_secs(3_600);
    let now = SystemClock.now();
    let clock = Arc::new(ManualClock::new(now));
    let mut rig = Rig::on(place).await;
    rig.depot = rig.place.open_at(&DEPOT, clock.clone()).await;
    rig.ledger = rig.place.open_at(&LEDGER, clock.clone()).await;
    rig.listener.refuse("a");
    let source = LocalSource::new(rig.depot.clone());
    let patient = SubscriptionSettings {
        attempts: 100,
        ..quick(1)
    };
    let subscription = listening(&rig.listener, 1).with(patient);
    let _process = Process::start(&rig.ledger, source, subscription);
    announce(&rig.depot, &[counted("b", 1)]).await;
    rig.hears(1).await;
    clock.advance(HOUR);
    announce(&rig.depot, &[counted("a", 1), counted("b", 2)]).await;
    rig.hears(2).await;
    let tried_later = async || {
        letters(&rig)
            .await
            .iter()
            .any(|letter| letter.due_at > Some(now.plus(HOUR)))
    };
    eventually(tried_later).await;
    // By the new time, the next attempt is in an hour.
    clock.set(now);
    rig.listener.accept("a");
    announce(&rig.depot, &[counted("a", 2), counted("b", 3)]).await;
    let heard = rig.hears(5).await;
    assert_eq!((of(&heard, "a"), of(&heard, "b")), (vec![1, 2], vec![1, 2, 3]));
    assert_eq!(letters(&rig).await, []);
}
