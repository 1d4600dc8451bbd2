//! Failing events: parked and retried, dead letters once the attempts are exhausted, blocking only their own key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offshoot_contract::{Clock as _, ManualClock, SystemClock, Timestamp};
use offshoot_outbox::{LocalSource, ParkedEvent, SubscriptionSettings};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::harness::{
    AUDIT, Harness, Process, WAREHOUSE, counted, counts_of, cx, publish, quick, recording_subscription, status,
    wait_until,
};

on_both_engines! {
    a_failing_event_blocks_only_its_own_key,
    a_dead_letter_waits_for_an_operator,
    skipping_a_dead_letter_unblocks_its_key,
    a_panic_counts_as_a_failed_attempt,
    an_unknown_version_is_parked,
    a_damaged_payload_is_parked,
    an_unknown_event_is_parked,
    parked_events_survive_the_worker,
    a_jumping_clock_loses_no_event_and_delays_no_retry,
}

async fn parked_events(harness: &Harness) -> Vec<ParkedEvent> {
    offshoot_outbox::parked_events(&harness.audit, &mut cx(), None, 100)
        .await
        .unwrap()
}

async fn has_dead_letter(harness: &Harness) -> bool {
    parked_events(harness).await.iter().any(|event| event.state == "dead")
}

async fn a_failing_event_blocks_only_its_own_key(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    harness.subscriber.refuse("a");
    let _process = harness.start(1);
    publish(
        &harness.warehouse,
        &[counted("a", 1), counted("b", 1), counted("a", 2), counted("b", 2)],
    )
    .await;
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "b"), [1, 2]);
    harness.subscriber.accept("a");
    offshoot_outbox::retry(&harness.audit, &mut cx(), "recorder", None)
        .await
        .unwrap();
    publish(&harness.warehouse, &[counted("a", 3)]).await;
    assert_eq!(counts_of(&harness.wait_for_events(5).await, "a"), [1, 2, 3]);
    assert_eq!(parked_events(&harness).await, []);
}

async fn a_dead_letter_waits_for_an_operator(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    harness.subscriber.refuse("a");
    let _process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1), counted("a", 2)]).await;
    wait_until(async || has_dead_letter(&harness).await).await;
    let parked = parked_events(&harness).await;
    let [first, second] = &parked[..] else {
        panic!("{parked:?}")
    };
    assert_eq!(
        (first.state, first.attempts, first.due_at),
        ("dead", 3, None::<Timestamp>)
    );
    assert_eq!(first.reason, "a is refused");
    assert_eq!(first.payload, r#"{"shelf":"a","count":1}"#);
    assert_eq!((second.state, second.attempts), ("waiting", 0));
    let partition = &status(&harness.audit).await[0];
    assert_eq!((partition.dead_letters, partition.parked), (1, 1));
    // A retried dead letter gets its full number of attempts again.
    offshoot_outbox::retry(&harness.audit, &mut cx(), "recorder", Some(first.position))
        .await
        .unwrap();
    wait_until(async || has_dead_letter(&harness).await).await;
    harness.subscriber.accept("a");
    offshoot_outbox::retry(&harness.audit, &mut cx(), "recorder", Some(first.position))
        .await
        .unwrap();
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [1, 2]);
    let none = offshoot_outbox::retry(&harness.audit, &mut cx(), "recorder", Some(77))
        .await
        .unwrap_err();
    assert!(none.to_string().contains("no parked event at 77"), "{none}");
}

async fn skipping_a_dead_letter_unblocks_its_key(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    harness.subscriber.refuse("a");
    let _process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1), counted("a", 2)]).await;
    wait_until(async || has_dead_letter(&harness).await).await;
    let position = parked_events(&harness).await[0].position;
    harness.subscriber.accept("a");
    offshoot_outbox::skip(&harness.audit, &mut cx(), "recorder", position)
        .await
        .unwrap();
    assert_eq!(counts_of(&harness.wait_for_events(1).await, "a"), [2]);
    publish(&harness.warehouse, &[counted("a", 3)]).await;
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [2, 3]);
}

async fn a_panic_counts_as_a_failed_attempt(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    harness.subscriber.panics.store(true, Ordering::Relaxed);
    let _process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    wait_until(async || has_dead_letter(&harness).await).await;
    assert_eq!(parked_events(&harness).await[0].reason, "the subscriber panicked");
    harness.subscriber.panics.store(false, Ordering::Relaxed);
    offshoot_outbox::retry(&harness.audit, &mut cx(), "recorder", None)
        .await
        .unwrap();
    assert_eq!(counts_of(&harness.wait_for_events(1).await, "a"), [1]);
}

/// Inserts an event that this binary would not publish.
async fn insert_event(harness: &Harness, name: &str, version: i32, payload: &str) {
    let at = match harness.warehouse.engine() {
        offshoot_db::Engine::Sqlite => "0",
        offshoot_db::Engine::Postgres => "now()",
    };
    let lasting = match harness.warehouse.engine() {
        offshoot_db::Engine::Sqlite => "0",
        offshoot_db::Engine::Postgres => "false",
    };
    let sql = format!(
        "INSERT INTO offshoot_events (name, version, key, bucket, lasting, payload, at) \
         VALUES ('{name}', {version}, 'a', 0, {lasting}, '{payload}', {at})"
    );
    harness.database.administer("warehouse", &sql).await;
}

async fn an_unknown_version_is_parked(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = harness.start(1);
    insert_event(&harness, "counted", 7, "{}").await;
    wait_until(async || has_dead_letter(&harness).await).await;
    let reason = parked_events(&harness).await[0].reason.clone();
    assert_eq!(
        reason,
        "`counted` has version 7, but this binary reads version 1: deploy a binary that reads both"
    );
}

async fn a_damaged_payload_is_parked(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = harness.start(1);
    insert_event(&harness, "counted", 1, r#"{"shelf":"a","count":"#).await;
    publish(&harness.warehouse, &[counted("b", 1)]).await;
    assert_eq!(counts_of(&harness.wait_for_events(1).await, "b"), [1]);
    wait_until(async || has_dead_letter(&harness).await).await;
    let reason = parked_events(&harness).await[0].reason.clone();
    assert!(
        reason.starts_with("the payload of `counted` does not match the contract"),
        "{reason}"
    );
}

/// A newer binary may handle the event after taking over.
async fn an_unknown_event_is_parked(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = harness.start(1);
    insert_event(&harness, "painted", 1, "{}").await;
    publish(&harness.warehouse, &[counted("b", 1)]).await;
    assert_eq!(counts_of(&harness.wait_for_events(1).await, "b"), [1]);
    wait_until(async || has_dead_letter(&harness).await).await;
    let reason = &parked_events(&harness).await[0].reason;
    assert!(reason.contains("`painted`") && reason.contains("newer"), "{reason}");
}

async fn parked_events_survive_the_worker(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    harness.subscriber.refuse("a");
    let process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    wait_until(async || !parked_events(&harness).await.is_empty()).await;
    process.kill();
    publish(&harness.warehouse, &[counted("a", 2)]).await;
    harness.subscriber.accept("a");
    let _next = harness.start(1);
    offshoot_outbox::retry(&harness.audit, &mut cx(), "recorder", None)
        .await
        .unwrap();
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [1, 2]);
    // No process of the publisher runs: the subscriber's reads assign the positions.
    let log = offshoot_outbox::outbox_status(&harness.warehouse, &mut cx())
        .await
        .unwrap();
    assert_eq!((log.last, log.unnumbered), (2, 0));
}

/// The clock jumps an hour ahead and back: times are informative, positions decide.
async fn a_jumping_clock_loses_no_event_and_delays_no_retry(database: ScratchDatabase) {
    const HOUR: Duration = Duration::from_secs(3_600);
    let now = SystemClock.now();
    let clock = Arc::new(ManualClock::new(now));
    let mut harness = Harness::on(database).await;
    harness.warehouse = harness.database.open_with_clock(&WAREHOUSE, clock.clone()).await;
    harness.audit = harness.database.open_with_clock(&AUDIT, clock.clone()).await;
    harness.subscriber.refuse("a");
    let source = LocalSource::new(harness.warehouse.clone());
    let patient = SubscriptionSettings {
        attempts: 100,
        ..quick(1)
    };
    let subscription = recording_subscription(&harness.subscriber, 1).with_settings(patient);
    let _process = Process::start(&harness.audit, source, subscription);
    publish(&harness.warehouse, &[counted("b", 1)]).await;
    harness.wait_for_events(1).await;
    clock.advance(HOUR);
    publish(&harness.warehouse, &[counted("a", 1), counted("b", 2)]).await;
    harness.wait_for_events(2).await;
    let is_due_in_an_hour = async || {
        parked_events(&harness)
            .await
            .iter()
            .any(|event| event.due_at > Some(now.plus(HOUR)))
    };
    wait_until(is_due_in_an_hour).await;
    // By the corrected clock, the next attempt would be due in an hour.
    clock.set(now);
    harness.subscriber.accept("a");
    publish(&harness.warehouse, &[counted("a", 2), counted("b", 3)]).await;
    let recorded = harness.wait_for_events(5).await;
    assert_eq!(
        (counts_of(&recorded, "a"), counts_of(&recorded, "b")),
        (vec![1, 2], vec![1, 2, 3])
    );
    assert_eq!(parked_events(&harness).await, []);
}
