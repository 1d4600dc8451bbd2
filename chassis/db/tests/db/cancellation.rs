//! Futures dropped at any moment leave connections usable.

use std::time::{Duration, Instant};

use futures_util::poll;
use offshoot_db::{Engine, sql};

use crate::store::{Store, add, cx};

crate::on_both_engines!(a_call_dropped_at_any_moment_leaves_connections_usable);

/// Drops a write after a growing delay, from before the connection is acquired until after the commit.
async fn a_call_dropped_at_any_moment_leaves_connections_usable(store: Store) {
    // Writes that reported their commit.
    let mut certain = 0;
    for step in 0..150 {
        let mut cx = cx();
        let write = async {
            let mut tx = store.db.begin(&mut cx).await.expect("a usable connection");
            add(&mut tx, &format!("thing {step:03}")).await.expect("an insert");
            tx.commit(()).await.expect("a commit");
        };
        let done = tokio::time::timeout(Duration::from_micros(20 * step), write)
            .await
            .is_ok();
        assert!(!done || cx.effects() == 1, "a committed effect must be counted");
        certain += usize::from(done);
        if cx.effects() == 0 {
            assert!(
                !store.names().await.contains(&format!("thing {step:03}")),
                "an uncounted effect must not exist"
            );
        }
    }
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a usable connection");
    add(&mut tx, "last").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    let names = store.names().await;
    assert!(
        names.len() > certain && names.contains(&"last".to_owned()),
        "{} of {certain}",
        names.len()
    );
}

/// A read that is dropped ends at once: the thread of a SQLite connection would otherwise compute on to the deadline, and
/// a client that disconnects again and again would occupy any number of threads.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_read_ends() {
    const ENDLESS: offshoot_db::Sql =
        sql!("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n");
    let store = Store::new(Engine::Sqlite).await.expect("SQLite is always available");
    for _ in 0..40 {
        let mut cx = cx().with_timeout(Duration::from_secs(3_600));
        let mut read = store.db.read(&mut cx).await.expect("a connection is free");
        let mut query = Box::pin(read.fetch_all::<(i64,)>(ENDLESS, ()));
        assert!(poll!(&mut query).is_pending());
    }
    let give_up = Instant::now() + Duration::from_secs(60);
    while busy_threads() > 3 {
        assert!(Instant::now() < give_up, "{} threads compute on", busy_threads());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Threads of this process that run on a processor now.
fn busy_threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").expect("the kernel lists threads");
    let is_sqlite_running = |thread: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        // `tid (name) state ..`: the name may contain spaces.
        let (name, rest) = stat.rsplit_once(')')?;
        (name.contains("(sqlx-sqlite") && rest.trim_start().starts_with('R')).then_some(())
    };
    threads.filter_map(is_sqlite_running).count()
}
