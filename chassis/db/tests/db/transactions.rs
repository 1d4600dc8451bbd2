//! Transactions: commit, rollback, failed and abandoned statements, and the native connection.

use std::time::Duration;

use offshoot_contract::FailureKind;
use offshoot_db::{Engine, List, Queries, Sql, sql};

use crate::store::{Store, Thing, add, cx, new_id};

crate::on_both_engines!(
    a_commit_is_durable_and_counts_as_an_effect,
    a_dropped_transaction_is_rolled_back_and_blocks_no_other,
    an_abandoned_statement_is_rolled_back_and_blocks_no_other,
    a_transaction_cannot_commit_after_an_abandoned_statement,
    uncommitted_rows_are_visible_only_in_their_transaction,
    a_transaction_cannot_commit_after_a_failed_statement,
    a_rejected_commit_has_not_executed,
    a_read_cannot_write,
    the_native_connection_works_inside_the_transaction,
    calls_on_a_closed_database_fail_as_unavailable,
    a_lookup_function_works_in_reads_and_transactions,
);

const SLOW: Sql = sql!(
    sqlite: "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    postgres: "SELECT 1::bigint FROM pg_sleep(1)"
);

async fn a_commit_is_durable_and_counts_as_an_effect(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    assert_eq!(add(&mut tx, "tea").await, Ok(1));
    assert_eq!(tx.commit("response").await, Ok("response"));
    assert_eq!(cx.effects(), 1);
    assert_eq!(store.names().await, ["tea"]);
}

async fn a_dropped_transaction_is_rolled_back_and_blocks_no_other(store: Store) {
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

async fn an_abandoned_statement_is_rolled_back_and_blocks_no_other(store: Store) {
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
        .expect("a transaction on a usable connection");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    assert_eq!(store.names().await, ["milk"]);
}

async fn a_transaction_cannot_commit_after_an_abandoned_statement(store: Store) {
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
        .expect_err("the outcome of the statement is unknown");
    assert!(
        failure.message().contains("abandoned") && !failure.may_have_executed(),
        "{failure:?}"
    );
    assert_eq!((cx.effects(), store.names().await.len()), (0, 0));
}

async fn uncommitted_rows_are_visible_only_in_their_transaction(store: Store) {
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

async fn a_transaction_cannot_commit_after_a_failed_statement(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    add(&mut tx, "tea").await.expect_err("the name is taken");
    let failure = tx.commit(()).await.expect_err("the transaction has failed");
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Internal, false)
    );
    assert_eq!(cx.effects(), 0);
    assert!(store.names().await.is_empty());
}

async fn a_rejected_commit_has_not_executed(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    let insert = sql!("INSERT INTO labels (thing_id) VALUES ($1)");
    tx.execute(insert, (new_id(),))
        .await
        .expect("the constraint is deferred");
    let failure = tx.commit(()).await.expect_err("the referenced thing does not exist");
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Internal, false),
        "{failure:?}"
    );
    assert_eq!(cx.effects(), 0);
    let mut tx = store.db.begin(&mut cx).await.expect("a usable connection");
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
        .expect_err("a read cannot write");
    assert_eq!(failure.kind(), &FailureKind::Internal);
}

async fn the_native_connection_works_inside_the_transaction(store: Store) {
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
            .expect_err("division by zero");
        tx.commit(()).await.expect_err("COMMIT fails after an unseen failure");
        assert_eq!((cx.effects(), store.names().await), (1, vec!["tea".to_owned()]));
    }
}

async fn calls_on_a_closed_database_fail_as_unavailable(store: Store) {
    let mut cx = cx();
    store.db.ping(&mut cx).await.expect("the database responds");
    store.db.close().await;
    let failure = store.db.ping(&mut cx).await.expect_err("the database is closed");
    assert_eq!(failure.kind(), &FailureKind::Unavailable);
    assert!(store.db.begin(&mut cx).await.is_err());
}

async fn a_lookup_function_works_in_reads_and_transactions(store: Store) {
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
async fn statements_after_a_native_rollback_on_sqlite_may_have_executed() {
    let store = Store::new(offshoot_db::Engine::Sqlite)
        .await
        .expect("SQLite is always there");
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let native = tx.sqlite().expect("the engine is SQLite");
    sqlx::raw_sql("ROLLBACK")
        .execute(native)
        .await
        .expect("a native rollback");
    add(&mut tx, "tea").await.expect("an insert outside a transaction");
    let failure = tx.commit(()).await.expect_err("no transaction is open");
    assert!(failure.may_have_executed(), "{failure}");
    assert_eq!((cx.effects(), store.names().await.len()), (1, 1));
}
