//! Held subscriptions: a log that does not continue the cursor. No event is handled, and the status names the next command.

use offshoot_outbox::{EventSource as _, LocalSource};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::harness::{Harness, counted, counts_of, cx, publish, status, wait_until};

on_both_engines! {
    a_replaced_log_holds_the_subscription,
    a_cursor_ahead_of_the_log_holds_the_subscription,
    events_removed_unread_hold_the_subscription,
    a_stopped_subscription_resumes_at_its_cursor,
}

async fn held(harness: &Harness) -> Option<String> {
    status(&harness.audit).await[0].held.clone()
}

async fn a_replaced_log_holds_the_subscription(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    harness.wait_for_events(1).await;
    offshoot_outbox::begin_new_log(&harness.warehouse, &mut cx())
        .await
        .unwrap();
    publish(&harness.warehouse, &[counted("a", 2)]).await;
    wait_until(async || held(&harness).await.is_some()).await;
    let why = held(&harness).await.unwrap();
    assert!(why.contains("the log of warehouse was replaced"), "{why}");
    assert_eq!(counts_of(&harness.recorded_events().await, "a"), [1]);
    offshoot_outbox::replay(&harness.audit, &mut cx(), "recorder", 2)
        .await
        .unwrap();
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [1, 2]);
    assert_eq!(held(&harness).await, None);
}

async fn a_cursor_ahead_of_the_log_holds_the_subscription(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    harness.wait_for_events(1).await;
    process.kill();
    // As after a log restored by hand: the log keeps its id.
    harness
        .database
        .administer("audit", "UPDATE offshoot_cursors SET position = 9")
        .await;
    let _process = harness.start(1);
    wait_until(async || held(&harness).await.is_some()).await;
    let why = held(&harness).await.unwrap();
    assert!(
        why.contains(
            "the cursor is at 9, but the log of warehouse ends at 1: `offshoot events replay recorder --from 2`"
        ),
        "{why}"
    );
    offshoot_outbox::replay(&harness.audit, &mut cx(), "recorder", 2)
        .await
        .unwrap();
    publish(&harness.warehouse, &[counted("a", 2)]).await;
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [1, 2]);
}

async fn events_removed_unread_hold_the_subscription(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    harness.wait_for_events(1).await;
    process.kill();
    publish(&harness.warehouse, &[counted("a", 2), counted("a", 3)]).await;
    // Assigns positions.
    LocalSource::new(harness.warehouse.clone()).head(-1).await.unwrap();
    harness
        .database
        .administer(
            "warehouse",
            "UPDATE offshoot_log SET removed_through = 2; DELETE FROM offshoot_events WHERE position = 2",
        )
        .await;
    let _process = harness.start(1);
    wait_until(async || held(&harness).await.is_some()).await;
    let why = held(&harness).await.unwrap();
    assert!(why.contains("retention removed events of warehouse up to 2"), "{why}");
    offshoot_outbox::replay(&harness.audit, &mut cx(), "recorder", 3)
        .await
        .unwrap();
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [1, 3]);
}

/// Retention keeps unread events, and the cursor is stored.
async fn a_stopped_subscription_resumes_at_its_cursor(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let process = harness.start(2);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    harness.wait_for_events(1).await;
    process.kill();
    for count in 2..50 {
        publish(&harness.warehouse, &[counted("a", count)]).await;
    }
    let _process = harness.start(2);
    assert_eq!(
        counts_of(&harness.wait_for_events(49).await, "a"),
        (1..50).collect::<Vec<_>>()
    );
}
