//! One module of a backup put back, while the other has gone on.

use offshoot_backup::{Fate, RestoreOptions};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::world::World;

on_both_engines! {
    those_who_read_a_restored_log_hold_and_are_listed,
    a_resync_moves_them_to_the_new_log,
    a_restored_subscriber_is_told_again,
    a_process_of_before_holds_no_lease_afterwards,
}

async fn those_who_read_a_restored_log_hold_and_are_listed(place: Fresh) {
    let world = World::that_heard(place, &[1, 2]).await;
    world.create("b").await.unwrap();
    world.announce(&[3]).await;
    world.hears(3).await;

    let report = world.replace("b", &["depot"]).await;
    let [cursor] = &report.aftermath.cursors[..] else {
        panic!("{report:?}")
    };
    assert_eq!((cursor.fate, cursor.last, cursor.beyond), (Fate::Holds, Some(2), 1));
    assert_eq!(
        cursor.command.as_deref(),
        Some("offshoot events replay listener --from 3")
    );
    // The position is given again, to another event, which must not be taken for the one that was handled.
    world.announce(&[33]).await;
    assert!(world.holds().await.contains("depot has another log"));
    let ledger = world.ledger().await;
    offshoot_outbox::replay(&ledger, &mut crate::world::cx(), "listener", 3)
        .await
        .unwrap();
    ledger.close().await;
    assert_eq!(world.hears(4).await, [1, 2, 3, 33]);
}

async fn a_resync_moves_them_to_the_new_log(place: Fresh) {
    let world = World::that_heard(place, &[1, 2]).await;
    world.create("b").await.unwrap();
    world.announce(&[3]).await;
    world.hears(3).await;
    let options = RestoreOptions {
        modules: vec!["depot".to_owned()],
        replace: true,
        resync: true,
        ..RestoreOptions::default()
    };
    let report = world.restore("b", &options).await.unwrap();
    assert_eq!(report.aftermath.cursors[0].fate, Fate::Resynced);
    world.announce(&[33]).await;
    assert_eq!(world.hears(4).await, [1, 2, 3, 33]);
}

async fn a_restored_subscriber_is_told_again(place: Fresh) {
    let world = World::that_heard(place, &[1, 2]).await;
    world.create("b").await.unwrap();
    world.announce(&[3]).await;
    world.hears(3).await;

    let report = world.replace("b", &["ledger"]).await;
    let [cursor] = &report.aftermath.cursors[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (cursor.fate, cursor.position.min(2), cursor.last),
        (Fate::GoesOn, cursor.position, Some(3))
    );
    assert_eq!(world.heard().await, [1, 2]);
    assert_eq!(world.hears(3).await, [1, 2, 3]);
}

/// Its token is not given a second time: it writes nothing into what was restored.
async fn a_process_of_before_holds_no_lease_afterwards(place: Fresh) {
    let world = World::that_heard(place, &[1]).await;
    world.create("b").await.unwrap();
    world
        .place
        .administer("ledger", "UPDATE offshoot_leases SET token = 40")
        .await;
    world.replace("b", &[]).await;
    let ledger = world.ledger().await;
    let mut cx = crate::world::cx();
    let mut read = ledger.read(&mut cx).await.unwrap();
    let sql = offshoot_db::sql!("SELECT min(token), count(holder) FROM offshoot_leases");
    let (token, held): (i64, i64) = read.fetch_one(sql, ()).await.unwrap();
    assert!(token > 40, "{token}");
    let sql = offshoot_db::sql!("SELECT count(*) FROM offshoot_replicas");
    let (replicas,): (i64,) = read.fetch_one(sql, ()).await.unwrap();
    assert_eq!((held, replicas), (0, 0));
}
