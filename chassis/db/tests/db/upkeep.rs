//! Upkeep never waits behind calls: heartbeats, leases and readiness go ahead of any queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use offshoot_db::{DbOptions, Engine, PgBudget, sql};

use crate::store::{Store, add, cx};

/// Calls that wait.
const QUEUE: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_goes_ahead_of_five_hundred_waiting_transactions() {
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(2),
            modules: 1,
        },
        sqlite_readers: 1,
        ..DbOptions::default()
    };
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(store) = Store::with(engine, options.clone()).await else {
            continue;
        };
        let mut holding = cx();
        let mut first = store.db.begin(&mut holding).await.expect("a transaction");
        add(&mut first, "tea").await.expect("an insert");
        let mut reading = cx();
        // The only connection for reads on SQLite; on Postgres the transaction has the connection already.
        let read = match engine {
            Engine::Sqlite => Some(store.db.read(&mut reading).await.expect("a connection")),
            Engine::Postgres => None,
        };
        let done = Arc::new(AtomicUsize::new(0));
        let queue: Vec<_> = (0..QUEUE)
            .map(|number| {
                let (db, done) = (store.db.clone(), Arc::clone(&done));
                tokio::spawn(async move {
                    let mut cx = cx();
                    let mut tx = db.begin(&mut cx).await.expect("a transaction");
                    add(&mut tx, &format!("milk {number}")).await.expect("an insert");
                    tx.commit(()).await.expect("a commit");
                    done.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;

        store.db.ping(&mut cx()).await.expect("an answer beside the queue");
        assert_eq!(done.load(Ordering::SeqCst), 0, "{engine}");
        // On SQLite upkeep waits for the transaction that runs, and for no other.
        let upkeep = {
            let db = store.db.upkeep();
            tokio::spawn(async move {
                let mut cx = cx();
                let mut tx = db.begin(&mut cx).await.expect("a transaction");
                let count = sql!("SELECT CAST(count(*) AS bigint) FROM things WHERE name <> 'tea'");
                let (ahead,): (i64,) = tx.fetch_one(count, ()).await.expect("a count");
                tx.commit(ahead).await.expect("a commit")
            })
        };
        if engine == Engine::Sqlite {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(read);
            first.commit(()).await.expect("a commit");
            assert_eq!(upkeep.await.expect("no panic"), 0, "calls went ahead of upkeep");
        } else {
            assert_eq!(upkeep.await.expect("no panic"), 0, "calls went ahead of upkeep");
            first.commit(()).await.expect("a commit");
        }
        for call in queue {
            call.await.expect("no panic");
        }
        assert_eq!(store.names().await.len(), QUEUE + 1);
    }
}
