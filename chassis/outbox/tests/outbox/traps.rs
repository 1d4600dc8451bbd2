//! Three ways to read a Postgres table in order that lose or reverse events or stand still, each shown to do so on the same
//! history that this log gets right.

use offshoot_db::Engine;
use offshoot_testkit::Fresh;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use crate::rig::{Rig, announce, counted, of};

async fn rig() -> Option<Rig> {
    Some(Rig::on(Fresh::on(Engine::Postgres).await?).await)
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
}

fn insert(key: &str, count: i64) -> String {
    let payload = format!(r#"{{"shelf":"{key}","count":{count}}}"#);
    format!(
        "INSERT INTO depot.offshoot_events (name, version, key, bucket, lasting, payload, at) \
         VALUES ('counted', 1, '{key}', 0, false, '{payload}', now())"
    )
}

/// What a reader sees that goes on behind the last number it saw, and begins with what is there now.
async fn ids_after(connection: &mut PgConnection, after: i64) -> Vec<i64> {
    let sql = AssertSqlSafe(format!(
        "SELECT id FROM depot.offshoot_events WHERE id > {after} ORDER BY id"
    ));
    let rows = connection.fetch_all(sql).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The first to insert is the last to commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_is_not_lost() {
    let Some(rig) = rig().await else { return };
    let _process = rig.start(1);
    let (mut early, mut late) = (rig.place.stranger().await, rig.place.stranger().await);
    run(&mut early, "BEGIN").await;
    run(&mut early, &insert("early", 1)).await;
    run(&mut late, &insert("late", 2)).await;
    assert_eq!(of(&rig.hears(1).await, "late"), [2]);
    // The trap: a cursor on the sequence has passed the number of the one that was not there yet.
    let mut naive = rig.place.stranger().await;
    let seen = ids_after(&mut naive, 0).await;
    run(&mut early, "COMMIT").await;
    let missed = ids_after(&mut naive, seen[0]).await;
    assert_eq!(
        (seen.len(), missed.len()),
        (1, 0),
        "a cursor on the sequence would have to lose it: {seen:?} {missed:?}"
    );
    assert_eq!(of(&rig.hears(2).await, "early"), [1]);
}

/// The transaction that began first changes the row last.
#[tokio::test(flavor = "multi_thread")]
async fn two_changes_of_one_key_keep_their_order() {
    let Some(rig) = rig().await else { return };
    let (mut first, mut second) = (rig.place.stranger().await, rig.place.stranger().await);
    // Has its number from here on.
    run(&mut first, "BEGIN; SELECT pg_current_xact_id()").await;
    run(&mut second, &insert("a", 1)).await;
    run(&mut first, &insert("a", 2)).await;
    run(&mut first, "COMMIT").await;
    // The trap: by the number of the transaction, the second change comes first.
    let by_transaction =
        "SELECT (payload::json ->> 'count')::bigint FROM depot.offshoot_events ORDER BY xmin::text::bigint";
    let rows = first.fetch_all(by_transaction).await.unwrap();
    let counts: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(counts, [2, 1], "ordering by transaction would have to reverse them");
    let _process = rig.start(1);
    assert_eq!(of(&rig.hears(2).await, "a"), [1, 2]);
}

/// A transaction of another database of the server, open for as long as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_another_database_delays_nothing() {
    let Some(rig) = rig().await else { return };
    let Some(elsewhere) = Fresh::on(Engine::Postgres).await else {
        return;
    };
    let mut foreign = elsewhere.stranger().await;
    run(&mut foreign, "BEGIN; SELECT pg_current_xact_id()").await;
    let _process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1)]).await;
    assert_eq!(of(&rig.hears(1).await, "a"), [1]);
    // The trap: below the oldest transaction that runs anywhere on the server, nothing is there yet.
    let mut naive = rig.place.stranger().await;
    let settled = "SELECT count(*) FROM depot.offshoot_events \
                   WHERE xmin::text::bigint < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295)";
    let row = naive.fetch_one(settled).await.unwrap();
    let count: i64 = row.get(0);
    assert_eq!(
        count, 0,
        "a bound at the oldest running transaction would have to hold it back"
    );
    run(&mut foreign, "ROLLBACK").await;
    foreign.close().await.unwrap();
}

/// Numbers are given by whoever needs them, at once and one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn positions_have_no_gaps_and_no_doubles() {
    let Some(rig) = rig().await else { return };
    let other = rig.place.open(&crate::rig::DEPOT).await;
    let _both = [
        rig.start(2),
        crate::rig::Process::start(
            &rig.ledger,
            offshoot_outbox::LocalSource::new(other.clone()),
            crate::rig::listening(&rig.listener, 2),
        ),
    ];
    let announcing = [rig.depot.clone(), other].map(|db| {
        tokio::spawn(async move {
            for count in 0..200 {
                announce(&db, &[counted("a", count)]).await;
            }
        })
    });
    for one in announcing {
        one.await.unwrap();
    }
    rig.hears(400).await;
    let mut stranger = rig.place.stranger().await;
    let row = stranger
        .fetch_one("SELECT count(DISTINCT position), min(position), max(position) FROM depot.offshoot_events")
        .await
        .unwrap();
    let (count, min, max): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((count, min, max), (400, 1, 400));
}
