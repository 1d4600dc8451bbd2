//! Restores of all modules of a backup together.

use offshoot_backup::{RestoreOptions, SubscriptionOutcome, restore_backup};
use offshoot_contract::SystemClock;
use offshoot_db::Engine;
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::fixture::Fixture;

on_both_engines! {
    publisher_and_subscriber_continue_from_the_backup,
    a_subscription_ahead_of_the_restored_log_is_rewound_and_listed,
    replaced_data_is_kept_aside,
    an_empty_target_needs_no_replace_option,
    restoring_twice_gives_the_same_state,
}

async fn publisher_and_subscriber_continue_from_the_backup(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2, 3]).await;
    fixture.publish_counts(&[4]).await;
    fixture.create("b").await.unwrap();
    fixture.publish_counts(&[50]).await;
    assert_eq!(fixture.process_until(5).await, [1, 2, 3, 4, 50]);

    let report = fixture.restore_replacing("b", &[]).await;
    for impact in &report.impact.subscriptions {
        assert_eq!(
            (impact.outcome, impact.ahead_by, &impact.command),
            (SubscriptionOutcome::Continues, 0, &None),
            "{impact:?}"
        );
    }
    assert_eq!(fixture.recorded().await, [1, 2, 3]);
    // The unhandled event is delivered, the lost event is not, and new events are.
    assert_eq!(fixture.process_until(4).await, [1, 2, 3, 4]);
    fixture.publish_counts(&[5]).await;
    assert_eq!(fixture.process_until(5).await, [1, 2, 3, 4, 5]);
}

async fn a_subscription_ahead_of_the_restored_log_is_rewound_and_listed(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1, 2]).await;
    // Simulates a publisher snapshot taken before the subscriber snapshot.
    let ahead = "UPDATE offshoot_cursors SET position = 9; \
                 INSERT INTO offshoot_parked (subscription, position, partition, name, version, key, payload, at, attempts, reason) \
                 VALUES ('recorder', 8, 0, 'counted', 1, 'a', '{}', ";
    let now = match fixture.database.url().engine() {
        Engine::Sqlite => "1",
        Engine::Postgres => "now()",
    };
    fixture
        .database
        .administer("subscriber", &format!("{ahead}{now}, 3, 'simulated')"))
        .await;
    fixture.create("b").await.unwrap();

    let report = fixture.restore_replacing("b", &[]).await;
    let rewound = report
        .impact
        .subscriptions
        .iter()
        .filter(|impact| impact.outcome == SubscriptionOutcome::Rewound);
    let listed: Vec<_> = rewound
        .map(|impact| (&*impact.subscription, impact.log_end, impact.ahead_by))
        .collect();
    assert_eq!(listed, [("recorder", Some(2), 7)]);
    fixture.publish_counts(&[3]).await;
    assert_eq!(fixture.process_until(3).await, [1, 2, 3]);
}

async fn replaced_data_is_kept_aside(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    fixture.publish_counts(&[2]).await;
    fixture.process_until(2).await;
    let report = fixture.restore_replacing("b", &[]).await;
    assert_eq!(report.modules.len(), 2);
    for restored in &report.modules {
        let replaced = restored.replaced.as_deref().unwrap();
        match fixture.database.url().engine() {
            Engine::Sqlite => assert!(std::fs::metadata(replaced).unwrap().len() > 0),
            Engine::Postgres => {
                let rows = format!("SELECT count(*) FROM {replaced}.offshoot_migrations");
                let (rows,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(rows))
                    .fetch_one(&mut fixture.database.connect_as_superuser().await)
                    .await
                    .unwrap();
                assert!(rows > 0);
            }
        }
    }
    assert_eq!(fixture.recorded().await, [1]);
}

async fn an_empty_target_needs_no_replace_option(database: ScratchDatabase) {
    let (engine, fixture) = (database.url().engine(), Fixture::with_events(database, &[1, 2]).await);
    fixture.create("b").await.unwrap();
    let elsewhere = Fixture::with_events(ScratchDatabase::create(engine).await.unwrap(), &[]).await;
    let (target, backup, options) = (elsewhere.hosted(), fixture.backup("b"), RestoreOptions::default());
    restore_backup(&target, &backup, &options, &SystemClock, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(elsewhere.recorded().await, [1, 2]);
    elsewhere.publish_counts(&[3]).await;
    assert_eq!(elsewhere.process_until(3).await, [1, 2, 3]);
}

/// The first restore covers one module, like a restore interrupted between two modules.
async fn restoring_twice_gives_the_same_state(database: ScratchDatabase) {
    let fixture = Fixture::with_events(database, &[1]).await;
    fixture.create("b").await.unwrap();
    fixture.restore_replacing("b", &["subscriber"]).await;
    // The name of moved-aside data contains the time in seconds, so a second restore needs another second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    fixture.restore_replacing("b", &[]).await;
    fixture.publish_counts(&[2]).await;
    assert_eq!(fixture.process_until(2).await, [1, 2]);
}
