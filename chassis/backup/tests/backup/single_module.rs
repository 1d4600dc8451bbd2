//! Restores of one module of a backup, while the other module keeps its later data.

use offshoot_backup::{RestoreOptions, SubscriptionOutcome};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::fixture::Fixture;

on_both_engines! {
    subscriptions_to_a_restored_log_are_held_and_listed,
    resync_moves_subscriptions_to_the_new_log,
    a_restored_subscriber_receives_later_events_again,
    leases_from_before_the_restore_are_void,
}

async fn subscriptions_to_a_restored_log_are_held_and_listed(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2]).await;
    fixture.create("b").await.unwrap();
    fixture.publish_counts(&[3]).await;
    fixture.process_until(3).await;

    let report = fixture.restore_replacing("b", &["publisher"]).await;
    let [impact] = &report.impact.subscriptions[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (impact.outcome, impact.log_end, impact.ahead_by),
        (SubscriptionOutcome::Held, Some(2), 1)
    );
    assert_eq!(
        impact.command.as_deref(),
        Some("offshoot events replay recorder --from 3")
    );
    // The new event reuses the position of the lost event. The subscriber must not take the new event for handled.
    fixture.publish_counts(&[33]).await;
    assert!(
        fixture
            .held_reason()
            .await
            .contains("the log of publisher was replaced")
    );
    let subscriber = fixture.open_subscriber().await;
    offshoot_outbox::replay(&subscriber, &mut crate::fixture::cx(), "recorder", 3)
        .await
        .unwrap();
    subscriber.close().await;
    assert_eq!(fixture.process_until(4).await, [1, 2, 3, 33]);
}

async fn resync_moves_subscriptions_to_the_new_log(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2]).await;
    fixture.create("b").await.unwrap();
    fixture.publish_counts(&[3]).await;
    fixture.process_until(3).await;
    let options = RestoreOptions {
        modules: vec!["publisher".to_owned()],
        replace: true,
        resync: true,
        ..RestoreOptions::default()
    };
    let report = fixture.restore("b", &options).await.unwrap();
    assert_eq!(report.impact.subscriptions[0].outcome, SubscriptionOutcome::Resynced);
    fixture.publish_counts(&[33]).await;
    assert_eq!(fixture.process_until(4).await, [1, 2, 3, 33]);
}

async fn a_restored_subscriber_receives_later_events_again(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2]).await;
    fixture.create("b").await.unwrap();
    fixture.publish_counts(&[3]).await;
    fixture.process_until(3).await;

    let report = fixture.restore_replacing("b", &["subscriber"]).await;
    let [impact] = &report.impact.subscriptions[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (impact.outcome, impact.position.min(2), impact.log_end),
        (SubscriptionOutcome::Continues, impact.position, Some(3))
    );
    assert_eq!(fixture.recorded().await, [1, 2]);
    assert_eq!(fixture.process_until(3).await, [1, 2, 3]);
}

/// Tokens rise above those of the replaced data, so a process from before the restore cannot write.
async fn leases_from_before_the_restore_are_void(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    fixture
        .database
        .administer("subscriber", "UPDATE offshoot_leases SET token = 40")
        .await;
    fixture.restore_replacing("b", &[]).await;
    let subscriber = fixture.open_subscriber().await;
    let mut cx = crate::fixture::cx();
    let mut read = subscriber.read(&mut cx).await.unwrap();
    let sql = offshoot_db::sql!("SELECT min(token), count(holder) FROM offshoot_leases");
    let (token, held): (i64, i64) = read.fetch_one(sql, ()).await.unwrap();
    assert!(token > 40, "{token}");
    let sql = offshoot_db::sql!("SELECT count(*) FROM offshoot_replicas");
    let (replicas,): (i64,) = read.fetch_one(sql, ()).await.unwrap();
    assert_eq!((held, replicas), (0, 0));
}
