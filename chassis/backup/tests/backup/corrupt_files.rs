//! Restores over SQLite files that are corrupt or incomplete.

use std::fs;
use std::path::PathBuf;

use offshoot_db::{DatabaseUrl, Engine};
use offshoot_testkit::ScratchDatabase;

use crate::fixture::Fixture;

fn file(fixture: &Fixture, name: &str) -> PathBuf {
    match fixture.database.url() {
        DatabaseUrl::Sqlite(directory) => directory.join(name),
        DatabaseUrl::Postgres(_) => panic!("this test needs SQLite files"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_moved_aside() {
    let fixture = Fixture::with_events(ScratchDatabase::create(Engine::Sqlite).await.unwrap(), &[1, 2]).await;
    fixture.create("b").await.unwrap();
    fs::write(file(&fixture, "subscriber.db"), [b'x'; 5_000]).unwrap();
    let report = fixture.restore_replacing("b", &["subscriber"]).await;
    assert_eq!(
        fs::read(report.modules[0].replaced.as_ref().unwrap()).unwrap(),
        [b'x'; 5_000]
    );
    assert_eq!(fixture.recorded().await, [1, 2]);
}

/// The database file was removed, and its write-ahead log was left behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_leftover_wal_does_not_corrupt_the_snapshot() {
    let fixture = Fixture::with_events(ScratchDatabase::create(Engine::Sqlite).await.unwrap(), &[1, 2]).await;
    fixture.create("b").await.unwrap();
    // While the writer is open, the write-ahead log contains frames.
    let subscriber = fixture.open_subscriber().await;
    fixture
        .database
        .administer("subscriber", "UPDATE recorded SET count = 77")
        .await;
    let wal = fs::read(file(&fixture, "subscriber.db-wal")).unwrap();
    assert!(wal.len() > 1_000);
    subscriber.close().await;
    fs::remove_file(file(&fixture, "subscriber.db")).unwrap();
    fs::write(file(&fixture, "subscriber.db-wal"), wal).unwrap();
    fixture.restore_replacing("b", &["subscriber"]).await;
    assert_eq!(fixture.recorded().await, [1, 2]);
}
