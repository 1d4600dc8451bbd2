//! A log that is not the one that was read: nothing is handled, and the operator is told what to do.

use offshoot_outbox::{EventSource as _, LocalSource};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::rig::{Rig, announce, counted, cx, eventually, of, status};

on_both_engines! {
    another_log_is_noticed,
    a_cursor_ahead_of_the_log_is_noticed,
    what_was_removed_unread_is_noticed,
    a_subscription_that_was_away_goes_on,
}

async fn held(rig: &Rig) -> Option<String> {
    status(&rig.ledger).await[0].held.clone()
}

async fn another_log_is_noticed(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1)]).await;
    rig.hears(1).await;
    offshoot_outbox::begin_new_log(&rig.depot, &mut cx()).await.unwrap();
    announce(&rig.depot, &[counted("a", 2)]).await;
    eventually(async || held(&rig).await.is_some()).await;
    let why = held(&rig).await.unwrap();
    assert!(why.contains("depot has another log"), "{why}");
    assert_eq!(of(&rig.heard().await, "a"), [1]);
    offshoot_outbox::replay(&rig.ledger, &mut cx(), "listener", 2)
        .await
        .unwrap();
    assert_eq!(of(&rig.hears(2).await, "a"), [1, 2]);
    assert_eq!(held(&rig).await, None);
}

async fn a_cursor_ahead_of_the_log_is_noticed(place: Fresh) {
    let rig = Rig::on(place).await;
    let process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1)]).await;
    rig.hears(1).await;
    process.kill();
    // The log was put back by hand, so it does not know.
    rig.place
        .administer("ledger", "UPDATE offshoot_cursors SET position = 9")
        .await;
    let _process = rig.start(1);
    eventually(async || held(&rig).await.is_some()).await;
    let why = held(&rig).await.unwrap();
    assert!(
        why.contains(
            "the cursor stands at 9 and the log of depot ends at 1: `offshoot events replay listener --from 2`"
        ),
        "{why}"
    );
    offshoot_outbox::replay(&rig.ledger, &mut cx(), "listener", 2)
        .await
        .unwrap();
    announce(&rig.depot, &[counted("a", 2)]).await;
    assert_eq!(of(&rig.hears(2).await, "a"), [1, 2]);
}

async fn what_was_removed_unread_is_noticed(place: Fresh) {
    let rig = Rig::on(place).await;
    let process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1)]).await;
    rig.hears(1).await;
    process.kill();
    announce(&rig.depot, &[counted("a", 2), counted("a", 3)]).await;
    // So that they have positions.
    LocalSource::new(rig.depot.clone()).head(-1).await.unwrap();
    rig.place
        .administer(
            "depot",
            "UPDATE offshoot_log SET removed = 2; DELETE FROM offshoot_events WHERE position = 2",
        )
        .await;
    let _process = rig.start(1);
    eventually(async || held(&rig).await.is_some()).await;
    let why = held(&rig).await.unwrap();
    assert!(
        why.contains("events of depot up to 2 were removed for their age"),
        "{why}"
    );
    offshoot_outbox::replay(&rig.ledger, &mut cx(), "listener", 3)
        .await
        .unwrap();
    assert_eq!(of(&rig.hears(2).await, "a"), [1, 3]);
}

/// However long: it has a cursor, and nobody removes what it has not read.
async fn a_subscription_that_was_away_goes_on(place: Fresh) {
    let rig = Rig::on(place).await;
    let process = rig.start(2);
    announce(&rig.depot, &[counted("a", 1)]).await;
    rig.hears(1).await;
    process.kill();
    for count in 2..50 {
        announce(&rig.depot, &[counted("a", count)]).await;
    }
    let _process = rig.start(2);
    assert_eq!(of(&rig.hears(49).await, "a"), (1..50).collect::<Vec<_>>());
}
