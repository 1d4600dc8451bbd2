//! A backup put in the place of what cannot be read any more.

use std::fs;
use std::path::PathBuf;

use offshoot_db::{DatabaseUrl, Engine};
use offshoot_testkit::Fresh;

use crate::world::World;

fn file(world: &World, name: &str) -> PathBuf {
    match world.place.url() {
        DatabaseUrl::Sqlite(directory) => directory.join(name),
        DatabaseUrl::Postgres(_) => panic!("this is about files"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_moved_aside() {
    let world = World::that_heard(Fresh::on(Engine::Sqlite).await.unwrap(), &[1, 2]).await;
    world.create("b").await.unwrap();
    fs::write(file(&world, "ledger.db"), [b'x'; 5_000]).unwrap();
    let report = world.replace("b", &["ledger"]).await;
    assert_eq!(
        fs::read(report.modules[0].replaced.as_ref().unwrap()).unwrap(),
        [b'x'; 5_000]
    );
    assert_eq!(world.heard().await, [1, 2]);
}

/// Somebody removed the file and left its log, which belongs to no other file.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_file_does_not_ruin_the_snapshot() {
    let world = World::that_heard(Fresh::on(Engine::Sqlite).await.unwrap(), &[1, 2]).await;
    world.create("b").await.unwrap();
    // A copy taken while the writer is there has a log with frames in it.
    let ledger = world.ledger().await;
    world.place.administer("ledger", "UPDATE heard SET count = 77").await;
    let log = fs::read(file(&world, "ledger.db-wal")).unwrap();
    assert!(log.len() > 1_000);
    ledger.close().await;
    fs::remove_file(file(&world, "ledger.db")).unwrap();
    fs::write(file(&world, "ledger.db-wal"), log).unwrap();
    world.replace("b", &["ledger"]).await;
    assert_eq!(world.heard().await, [1, 2]);
}
