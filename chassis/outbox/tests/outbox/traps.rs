//! Three naive ways to read a Postgres table in order lose, reverse or delay events; this log does not, on the same history.

use offshoot_db::Engine;
use offshoot_testkit::ScratchDatabase;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use crate::harness::{Harness, counted, counts_of, publish};

async fn postgres_harness() -> Option<Harness> {
    Some(Harness::on(ScratchDatabase::create(Engine::Postgres).await?).await)
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
}

fn insert(key: &str, count: i64) -> String {
    let payload = format!(r#"{{"shelf":"{key}","count":{count}}}"#);
    format!(
        "INSERT INTO warehouse.offshoot_events (name, version, key, bucket, lasting, payload, at) \
         VALUES ('counted', 1, '{key}', 0, false, '{payload}', now())"
    )
}

/// Rows seen by a naive reader that continues after the last sequence number it saw.
async fn ids_after(connection: &mut PgConnection, after: i64) -> Vec<i64> {
    let sql = AssertSqlSafe(format!(
        "SELECT id FROM warehouse.offshoot_events WHERE id > {after} ORDER BY id"
    ));
    let rows = connection.fetch_all(sql).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The transaction that inserts first commits last.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_is_not_lost() {
    let Some(harness) = postgres_harness().await else {
        return;
    };
    let _process = harness.start(1);
    let (mut early, mut late) = (
        harness.database.connect_as_superuser().await,
        harness.database.connect_as_superuser().await,
    );
    execute(&mut early, "BEGIN").await;
    execute(&mut early, &insert("early", 1)).await;
    execute(&mut late, &insert("late", 2)).await;
    assert_eq!(counts_of(&harness.wait_for_events(1).await, "late"), [2]);
    // The naive cursor on the sequence has passed the number of the uncommitted row.
    let mut naive = harness.database.connect_as_superuser().await;
    let seen = ids_after(&mut naive, 0).await;
    execute(&mut early, "COMMIT").await;
    let missed = ids_after(&mut naive, seen[0]).await;
    assert_eq!(
        (seen.len(), missed.len()),
        (1, 0),
        "a cursor on the sequence must lose the late event: {seen:?} {missed:?}"
    );
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "early"), [1]);
}

/// The transaction that began first changes the row last.
#[tokio::test(flavor = "multi_thread")]
async fn two_changes_of_one_key_keep_their_order() {
    let Some(harness) = postgres_harness().await else {
        return;
    };
    let (mut first, mut second) = (
        harness.database.connect_as_superuser().await,
        harness.database.connect_as_superuser().await,
    );
    // Assigns the transaction id.
    execute(&mut first, "BEGIN; SELECT pg_current_xact_id()").await;
    execute(&mut second, &insert("a", 1)).await;
    execute(&mut first, &insert("a", 2)).await;
    execute(&mut first, "COMMIT").await;
    // Ordered by transaction id, the second change comes first.
    let by_transaction =
        "SELECT (payload::json ->> 'count')::bigint FROM warehouse.offshoot_events ORDER BY xmin::text::bigint";
    let rows = first.fetch_all(by_transaction).await.unwrap();
    let counts: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(counts, [2, 1], "ordering by transaction must reverse the changes");
    let _process = harness.start(1);
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [1, 2]);
}

/// A transaction of another database of the server stays open.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_another_database_delays_no_event() {
    let Some(harness) = postgres_harness().await else {
        return;
    };
    let Some(elsewhere) = ScratchDatabase::create(Engine::Postgres).await else {
        return;
    };
    let mut foreign = elsewhere.connect_as_superuser().await;
    execute(&mut foreign, "BEGIN; SELECT pg_current_xact_id()").await;
    let _process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    assert_eq!(counts_of(&harness.wait_for_events(1).await, "a"), [1]);
    // Below the oldest running transaction of the server, no row is visible yet.
    let mut naive = harness.database.connect_as_superuser().await;
    let settled = "SELECT count(*) FROM warehouse.offshoot_events \
                   WHERE xmin::text::bigint < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295)";
    let row = naive.fetch_one(settled).await.unwrap();
    let count: i64 = row.get(0);
    assert_eq!(
        count, 0,
        "a bound at the oldest running transaction must delay the event"
    );
    execute(&mut foreign, "ROLLBACK").await;
    foreign.close().await.unwrap();
}

/// Any reader assigns positions; readers of two processes do so concurrently.
#[tokio::test(flavor = "multi_thread")]
async fn positions_have_no_gaps_and_no_duplicates() {
    let Some(harness) = postgres_harness().await else {
        return;
    };
    let other = harness.database.open(&crate::harness::WAREHOUSE).await;
    let _both = [
        harness.start(2),
        crate::harness::Process::start(
            &harness.audit,
            offshoot_outbox::LocalSource::new(other.clone()),
            crate::harness::recording_subscription(&harness.subscriber, 2),
        ),
    ];
    let publishing = [harness.warehouse.clone(), other].map(|db| {
        tokio::spawn(async move {
            for count in 0..200 {
                publish(&db, &[counted("a", count)]).await;
            }
        })
    });
    for task in publishing {
        task.await.unwrap();
    }
    harness.wait_for_events(400).await;
    let mut connection = harness.database.connect_as_superuser().await;
    let row = connection
        .fetch_one("SELECT count(DISTINCT position), min(position), max(position) FROM warehouse.offshoot_events")
        .await
        .unwrap();
    let (count, min, max): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((count, min, max), (400, 1, 400));
}
