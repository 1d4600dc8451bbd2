//! A call's deadline limits the wait for a connection, the wait for locks, and statements.

use std::time::{Duration, Instant};

use offshoot_contract::{CallFailure, FailureKind};
use offshoot_db::{Db, DbOptions, Engine, PgBudget, Sql, sql};

use crate::store::{Store, add, cx};

crate::on_both_engines!(
    a_slow_statement_ends_at_the_deadline,
    a_slow_read_ends_at_the_deadline,
    a_call_after_its_deadline_executes_nothing,
);

/// Long enough to connect to Postgres on a machine that is busy with other tests.
const SHORT: Duration = Duration::from_millis(700);
/// Far below the duration of the statements, which would take a minute or for ever without a deadline.
const LONG: Duration = Duration::from_secs(15);

const SLOW: Sql = sql!(
    sqlite: "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    postgres: "SELECT 1::bigint FROM pg_sleep(60)"
);

fn assert_late(failure: &CallFailure, start: Instant) {
    assert!(
        start.elapsed() >= SHORT && start.elapsed() < LONG,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Timeout, false),
        "{failure:?}"
    );
}

async fn a_slow_statement_ends_at_the_deadline(store: Store) {
    let start = Instant::now();
    let mut short = cx().with_timeout(SHORT);
    let mut tx = store.db.begin(&mut short).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    let failure = tx
        .fetch_all::<(i64,)>(SLOW, ())
        .await
        .expect_err("the statement exceeds the deadline");
    assert_late(&failure, start);
    drop(tx);
    let mut cx = cx();
    let mut tx = store
        .db
        .begin(&mut cx)
        .await
        .expect("a transaction once the statement has ended");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    assert_eq!(store.names().await, ["milk"]);
}

async fn a_slow_read_ends_at_the_deadline(store: Store) {
    for _ in 0..3 {
        let start = Instant::now();
        let mut short = cx().with_timeout(SHORT);
        let mut read = store.db.read(&mut short).await.expect("a usable connection");
        let failure = read
            .fetch_all::<(i64,)>(SLOW, ())
            .await
            .expect_err("the statement exceeds the deadline");
        assert_late(&failure, start);
    }
    // The next read must not get a connection that is still busy with an earlier statement.
    let start = Instant::now();
    assert!(store.names().await.is_empty());
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

async fn a_call_after_its_deadline_executes_nothing(store: Store) {
    let mut late = cx().with_timeout(Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(5)).await;
    for failure in [
        store.db.begin(&mut late).await.map(drop),
        store.db.read(&mut late).await.map(drop),
    ] {
        let failure = failure.expect_err("the deadline has passed");
        assert_eq!(
            (failure.kind(), failure.may_have_executed()),
            (&FailureKind::Timeout, false)
        );
    }
}

async fn assert_waiting_times_out(db: &Db, engine: &str) {
    let mut cx = cx();
    let holder = db.begin(&mut cx).await.expect("a transaction");
    let start = Instant::now();
    let mut short = crate::store::cx().with_timeout(SHORT);
    let failure = db
        .begin(&mut short)
        .await
        .map(drop)
        .expect_err("the connection is in use");
    assert!(
        start.elapsed() >= SHORT && start.elapsed() < LONG,
        "{engine}: {:?}",
        start.elapsed()
    );
    assert!(
        matches!(failure.kind(), FailureKind::Overloaded { .. }),
        "{engine}: {failure:?}"
    );
    assert!(!failure.may_have_executed());
    drop(holder);
    db.begin(&mut cx).await.expect("the connection returns to the pool");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_connection_ends_at_the_deadline() {
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(1),
            modules: 1,
        },
        ..DbOptions::default()
    };
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if let Some(store) = Store::with(engine, options.clone()).await {
            assert_waiting_times_out(&store.db, &engine.to_string()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_another_process_ends_at_the_deadline() {
    let store = Store::new(Engine::Sqlite).await.expect("SQLite is always there");
    let other = store.reopen().await;
    let mut cx = cx();
    let holder = other.begin(&mut cx).await.expect("a transaction of another process");
    let start = Instant::now();
    let mut short = crate::store::cx().with_timeout(SHORT);
    let failure = store
        .db
        .begin(&mut short)
        .await
        .map(drop)
        .expect_err("the file is locked");
    assert!(start.elapsed() < LONG);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false),
        "{failure:?}"
    );
    drop(holder);
    store.db.begin(&mut cx).await.expect("the file is unlocked");
}
