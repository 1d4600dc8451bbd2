//! All modules of a backup put back.

use offshoot_backup::{Fate, RestoreOptions, restore};
use offshoot_contract::SystemClock;
use offshoot_db::Engine;
use offshoot_testkit::{Fresh, on_both_engines};

use crate::world::World;

on_both_engines! {
    both_go_on_where_they_stood,
    a_subscriber_that_was_ahead_is_set_back_and_listed,
    what_was_replaced_is_still_there,
    an_empty_place_needs_no_leave,
    a_second_restore_is_like_the_first,
}

async fn both_go_on_where_they_stood(place: Fresh) {
    let world = World::that_heard(place, &[1, 2, 3]).await;
    world.announce(&[4]).await;
    world.create("b").await.unwrap();
    world.announce(&[50]).await;
    assert_eq!(world.hears(5).await, [1, 2, 3, 4, 50]);

    let report = world.replace("b", &[]).await;
    for cursor in &report.aftermath.cursors {
        assert_eq!(
            (cursor.fate, cursor.beyond, &cursor.command),
            (Fate::GoesOn, 0, &None),
            "{cursor:?}"
        );
    }
    assert_eq!(world.heard().await, [1, 2, 3]);
    // What it had not handled comes, what the publisher has lost does not, and what is new does.
    assert_eq!(world.hears(4).await, [1, 2, 3, 4]);
    world.announce(&[5]).await;
    assert_eq!(world.hears(5).await, [1, 2, 3, 4, 5]);
}

async fn a_subscriber_that_was_ahead_is_set_back_and_listed(place: Fresh) {
    let world = World::that_heard(place, &[1, 2]).await;
    // As if the publisher's snapshot had been taken first.
    let ahead = "UPDATE offshoot_cursors SET position = 9; \
                 INSERT INTO offshoot_parked (subscription, position, partition, name, version, key, payload, at, attempts, reason) \
                 VALUES ('listener', 8, 0, 'counted', 1, 'a', '{}', ";
    let now = match world.place.url().engine() {
        Engine::Sqlite => "1",
        Engine::Postgres => "now()",
    };
    world
        .place
        .administer("ledger", &format!("{ahead}{now}, 3, 'as it was told')"))
        .await;
    world.create("b").await.unwrap();

    let report = world.replace("b", &[]).await;
    let set_back = report
        .aftermath
        .cursors
        .iter()
        .filter(|cursor| cursor.fate == Fate::SetBack);
    let told: Vec<_> = set_back
        .map(|cursor| (&*cursor.subscription, cursor.last, cursor.beyond))
        .collect();
    assert_eq!(told, [("listener", Some(2), 7)]);
    world.announce(&[3]).await;
    assert_eq!(world.hears(3).await, [1, 2, 3]);
}

async fn what_was_replaced_is_still_there(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    world.announce(&[2]).await;
    world.hears(2).await;
    let report = world.replace("b", &[]).await;
    assert_eq!(report.modules.len(), 2);
    for restored in &report.modules {
        let replaced = restored.replaced.as_deref().unwrap();
        match world.place.url().engine() {
            Engine::Sqlite => assert!(std::fs::metadata(replaced).unwrap().len() > 0),
            Engine::Postgres => {
                let rows = format!("SELECT count(*) FROM {replaced}.offshoot_migrations");
                let (rows,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(rows))
                    .fetch_one(&mut world.place.stranger().await)
                    .await
                    .unwrap();
                assert!(rows > 0);
            }
        }
    }
    assert_eq!(world.heard().await, [1]);
}

async fn an_empty_place_needs_no_leave(place: Fresh) {
    let (engine, world) = (place.url().engine(), World::that_heard(place, &[1, 2]).await);
    world.create("b").await.unwrap();
    let elsewhere = World::that_heard(Fresh::on(engine).await.unwrap(), &[]).await;
    let (target, backup, options) = (elsewhere.places(), world.backup("b"), RestoreOptions::default());
    restore(&target, &backup, &options, &SystemClock, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(elsewhere.heard().await, [1, 2]);
    elsewhere.announce(&[3]).await;
    assert_eq!(elsewhere.hears(3).await, [1, 2, 3]);
}

/// Also after one that was broken off between two modules, which is the same as one of one module.
async fn a_second_restore_is_like_the_first(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    world.replace("b", &["ledger"]).await;
    // Names of what is moved aside have seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    world.replace("b", &[]).await;
    world.announce(&[2]).await;
    assert_eq!(world.hears(2).await, [1, 2]);
}
