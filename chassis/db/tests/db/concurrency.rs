//! Concurrency: fair queues, several processes on one store, and deadlocks.

use std::sync::Mutex;

use futures_util::future::join_all;
use futures_util::poll;
use offshoot_contract::{CallFailure, FailureKind};
use offshoot_db::{Db, DbOptions, Engine, PgBudget, sql};

use crate::store::{Store, add, cx};

crate::on_both_engines!(two_processes_share_a_store);

async fn two_processes_share_a_store(store: Store) {
    const EACH: usize = 25;
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    tx.commit(()).await.expect("a commit");

    let mut tasks = Vec::new();
    for db in [
        store.db.clone(),
        store.reopen().await,
        store.db.clone(),
        store.reopen().await,
    ] {
        tasks.push(tokio::spawn(async move {
            for _ in 0..EACH {
                increment(&db).await.expect("a committed increment");
            }
        }));
    }
    for task in tasks {
        task.await.expect("a finished task");
    }
    let mut read = store.db.read(&mut cx).await.expect("a connection");
    let quantity: (i64,) = read
        .fetch_one(sql!("SELECT quantity FROM things"), ())
        .await
        .expect("the count");
    assert_eq!(quantity, (1 + 4 * EACH as i64,));
}

async fn increment(db: &Db) -> Result<(), CallFailure> {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await?;
    let (old,): (i64,) = match tx.engine() {
        // The UPDATE locks the row on Postgres. SQLite has only one writer.
        Engine::Sqlite => tx.fetch_one(sql!("SELECT quantity FROM things"), ()).await?,
        Engine::Postgres => {
            tx.fetch_one(sql!("UPDATE things SET good = NOT good RETURNING quantity"), ())
                .await?
        }
    };
    tx.execute(sql!("UPDATE things SET quantity = $1"), (old + 1,)).await?;
    tx.commit(()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_handed_out_in_request_order() {
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(1),
            modules: 1,
        },
        ..DbOptions::default()
    };
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(store) = Store::with(engine, options.clone()).await else {
            continue;
        };
        let order = Mutex::new(Vec::new());
        let mut first = cx();
        let holder = store.db.begin(&mut first).await.expect("a transaction");
        let mut waiting: Vec<_> = (0..20)
            .map(|n| {
                let (db, order) = (&store.db, &order);
                Box::pin(async move {
                    let mut cx = cx();
                    let tx = db.begin(&mut cx).await.expect("a transaction");
                    order.lock().expect("no task panics here").push(n);
                    tx.commit(()).await.expect("a commit");
                })
            })
            .collect();
        // Each joins the queue at its first poll.
        for each in &mut waiting {
            assert!(poll!(each).is_pending());
        }
        drop(holder);
        join_all(waiting).await;
        assert_eq!(
            *order.lock().expect("no test panics here"),
            (0..20).collect::<Vec<_>>(),
            "{engine}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_aborts_one_transaction_as_not_executed() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "milk").await.expect("an insert");
    add(&mut tx, "tea").await.expect("an insert");
    tx.commit(()).await.expect("a commit");

    let both = tokio::sync::Barrier::new(2);
    let lock = async |first: &str, second: &str| -> Result<(), CallFailure> {
        let mut cx = crate::store::cx();
        let mut tx = store.db.begin(&mut cx).await?;
        let update = sql!("UPDATE things SET quantity = quantity + 1 WHERE name = $1");
        tx.execute(update, (first,)).await?;
        both.wait().await;
        tx.execute(update, (second,)).await?;
        tx.commit(()).await
    };
    let (a, b) = tokio::join!(lock("milk", "tea"), lock("tea", "milk"));
    let lost = match (a, b) {
        (Err(lost), Ok(())) | (Ok(()), Err(lost)) => lost,
        both => panic!("exactly one transaction must fail: {both:?}"),
    };
    assert_eq!(
        (lost.kind(), lost.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert!(lost.is_transient());
}
