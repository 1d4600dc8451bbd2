//! Committing, rolling back, and what comes between.

use std::time::Duration;

use offshoot_contract::FailureKind;
use offshoot_db::{Engine, List, Queries, Sql, sql};

use crate::store::{Store, Thing, add, cx, new_id};

crate::on_both_engines!(
    a_commit_lasts_and_counts_as_an_effect,
    a_dropped_transaction_leaves_nothing_and_blocks_nobody,
    an_abandoned_statement_leaves_nothing_and_blocks_nobody,
    an_abandoned_statement_spoils_its_transaction,
    a_transaction_reads_what_it_wrote_and_others_do_not,
    after_a_failed_statement_nothing_can_be_committed,
    a_refused_commit_has_not_executed,
    a_read_cannot_write,
    the_native_connection_is_inside_the_transaction,
    a_closed_database_says_so,
    a_lookup_serves_reads_and_transactions,
);

const SLOW: Sql = sql!(
    sqlite: "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    postgres: "SELECT 1::bigint FROM pg_sleep(1)"
);

async fn a_commit_lasts_and_counts_as_an_effect(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    assert_eq!(add(&mut tx, "tea").await, Ok(1));
    assert_eq!(tx.commit("answer").await, Ok("answer"));
    assert_eq!(cx.effects(), 1);
    assert_eq!(store.names().await, ["tea"]);
}

async fn a_dropped_transaction_leaves_nothing_and_blocks_nobody(store: Store) {
    for _ in 0..20 {
        let mut cx = cx();
        let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
        add(&mut tx, "tea").await.expect("an insert");
        drop(tx);
        assert_eq!(cx.effects(), 0);
    }
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    assert_eq!(store.names().await, ["milk"]);
}

async fn an_abandoned_statement_leaves_nothing_and_blocks_nobody(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    let statement = tx.fetch_all::<(i64,)>(SLOW, ());
    assert!(
        tokio::time::timeout(Duration::from_millis(50), statement)
            .await
            .is_err()
    );
    drop(tx);
    let mut tx = store
        .db
        .begin(&mut cx)
        .await
        .expect("a transaction on a connection in a known state");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    assert_eq!(store.names().await, ["milk"]);
}

async fn an_abandoned_statement_spoils_its_transaction(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let statement = tx.fetch_all::<(i64,)>(SLOW, ());
    assert!(
        tokio::time::timeout(Duration::from_millis(50), statement)
            .await
            .is_err()
    );
    let failure = tx
        .commit(())
        .await
        .expect_err("nobody knows what became of the statement");
    assert!(
        failure.message().contains("abandoned") && !failure.may_have_executed(),
        "{failure:?}"
    );
    assert_eq!((cx.effects(), store.names().await.len()), (0, 0));
}

async fn a_transaction_reads_what_it_wrote_and_others_do_not(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    let count: (i64,) = tx
        .fetch_one(sql!("SELECT count(*) FROM things"), ())
        .await
        .expect("a count");
    assert_eq!(count, (1,));
    assert!(store.names().await.is_empty());
}

async fn after_a_failed_statement_nothing_can_be_committed(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    add(&mut tx, "tea").await.expect_err("the name is taken");
    let failure = tx.commit(()).await.expect_err("the transaction is spoilt");
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Internal, false)
    );
    assert_eq!(cx.effects(), 0);
    assert!(store.names().await.is_empty());
}

async fn a_refused_commit_has_not_executed(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    let insert = sql!("INSERT INTO labels (thing_id) VALUES ($1)");
    tx.execute(insert, (new_id(),))
        .await
        .expect("the label is checked at the end");
    let failure = tx.commit(()).await.expect_err("there is no such thing");
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Internal, false),
        "{failure:?}"
    );
    assert_eq!(cx.effects(), 0);
    let mut tx = store.db.begin(&mut cx).await.expect("a connection in a known state");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    assert_eq!(store.names().await, ["milk"]);
}

async fn a_read_cannot_write(store: Store) {
    let mut cx = cx();
    let mut read = store.db.read(&mut cx).await.expect("a connection");
    let delete = sql!("DELETE FROM things RETURNING name");
    let failure = read
        .fetch_all::<(String,)>(delete, ())
        .await
        .expect_err("a read only reads");
    assert_eq!(failure.kind(), &FailureKind::Internal);
}

async fn the_native_connection_is_inside_the_transaction(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let update = "INSERT INTO parts (thing_id, number) SELECT id, 7 FROM things";
    add(&mut tx, "tea").await.expect("an insert");
    if let Some(connection) = tx.postgres() {
        sqlx::query(update).execute(connection).await.expect("an insert");
    }
    if let Some(connection) = tx.sqlite() {
        sqlx::query(update).execute(connection).await.expect("an insert");
    }
    assert_eq!(tx.sqlite().is_some(), store.db.engine() == Engine::Sqlite);
    assert_eq!(
        tx.fetch_all(sql!("SELECT number FROM parts"), ()).await,
        Ok(vec![(7_i64,)])
    );
    tx.commit(()).await.expect("a commit");

    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "milk").await.expect("an insert");
    if let Some(connection) = tx.postgres() {
        sqlx::query("SELECT 1 / 0")
            .execute(connection)
            .await
            .expect_err("a division by zero");
        tx.commit(())
            .await
            .expect_err("what failed unseen is refused, not quietly rolled back");
        assert_eq!((cx.effects(), store.names().await), (1, vec!["tea".to_owned()]));
    }
}

async fn a_closed_database_says_so(store: Store) {
    let mut cx = cx();
    store.db.ping(&mut cx).await.expect("it answers");
    store.db.close().await;
    let failure = store.db.ping(&mut cx).await.expect_err("it is closed");
    assert_eq!(failure.kind(), &FailureKind::Unavailable);
    assert!(store.db.begin(&mut cx).await.is_err());
}

async fn a_lookup_serves_reads_and_transactions(store: Store) {
    async fn count(queries: &mut Queries, ids: List<offshoot_contract::Id<Thing>>) -> usize {
        let by_ids = sql!(
            sqlite: "SELECT name FROM things WHERE id IN (SELECT unhex(value) FROM json_each($1))",
            postgres: "SELECT name FROM things WHERE id = ANY($1)"
        );
        queries
            .fetch_all::<(String,)>(by_ids, (ids,))
            .await
            .expect("names")
            .len()
    }
    let ids = [new_id(), new_id()];
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    for id in ids {
        let insert = sql!("INSERT INTO things (id, name, quantity, made_at, good) VALUES ($1, 'tea', $2, $3, $4)");
        let quantity = i64::from(id == ids[0]);
        tx.execute(insert, (id, quantity, crate::store::now(), false))
            .await
            .expect("an insert");
    }
    assert_eq!(count(&mut tx, List(ids.to_vec())).await, 2);
    tx.commit(()).await.expect("a commit");
    let mut read = store.db.read(&mut cx).await.expect("a connection");
    assert_eq!(count(&mut read, ids.into_iter().take(1).collect()).await, 1);
    assert_eq!(count(&mut read, List(Vec::new())).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_native_rollback_on_sqlite_may_have_been_executed() {
    let store = Store::new(offshoot_db::Engine::Sqlite)
        .await
        .expect("SQLite is always there");
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let native = tx.sqlite().expect("the module lives on SQLite");
    sqlx::raw_sql("ROLLBACK")
        .execute(native)
        .await
        .expect("the module ends it by itself");
    add(&mut tx, "tea")
        .await
        .expect("an insert, outside of any transaction");
    let failure = tx.commit(()).await.expect_err("there is nothing to commit");
    assert!(failure.may_have_executed(), "{failure}");
    assert_eq!((cx.effects(), store.names().await.len()), (1, 1));
}
