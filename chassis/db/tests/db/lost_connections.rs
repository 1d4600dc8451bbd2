//! Lost connections to Postgres: the reported failure, and the recovery of the next call.

use offshoot_contract::FailureKind;
use offshoot_db::{Db, DbOptions, Engine, sql};

use crate::proxy::{Fault, FaultProxy};
use crate::store::{Store, TEST_SCHEMA, add, cx};

async fn store_behind_proxy() -> Option<(Store, FaultProxy, Db)> {
    let store = Store::new(Engine::Postgres).await?;
    let proxy = FaultProxy::start(&store.database.superuser_url).await;
    let db = Db::open(&TEST_SCHEMA, &proxy.url.parse().expect("a URL"), &DbOptions::default())
        .await
        .expect("the store behind the proxy");
    Some((store, proxy, db))
}

async fn assert_commit_outcome_is_unknown(fault: Fault, committed: bool) {
    let Some((store, proxy, db)) = store_behind_proxy().await else {
        return;
    };
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    proxy.fault.send_replace(fault);
    let failure = tx.commit(()).await.expect_err("the response was lost");
    proxy.fault.send_replace(Fault::None);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::ConnectionLost, true),
        "{failure:?}"
    );
    assert_eq!((cx.effects(), store.names().await.len()), (1, usize::from(committed)));
    assert_eq!(proxy.lost_responses(), u32::from(committed));
    db.begin(&mut cx).await.expect("a new connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_arrived_may_have_executed() {
    assert_commit_outcome_is_unknown(Fault::LoseCommit, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_with_a_lost_response_may_have_executed() {
    assert_commit_outcome_is_unknown(Fault::LoseResponseOfOneIn(1), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_before_the_commit_has_executed_nothing() {
    let Some((store, proxy, db)) = store_behind_proxy().await else {
        return;
    };
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    proxy.fault.send_replace(Fault::Disconnect);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    proxy.fault.send_replace(Fault::None);
    let failure = add(&mut tx, "tea").await.expect_err("the connection is lost");
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::ConnectionLost, false),
        "{failure:?}"
    );
    drop(tx);
    assert_eq!((cx.effects(), store.names().await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_pooled_connections_are_replaced_without_a_failure() {
    let Some((store, proxy, db)) = store_behind_proxy().await else {
        return;
    };
    let mut cx = cx();
    for _ in 0..2 {
        // Makes two idle connections: one stays in use while another is acquired.
        let mut other = crate::store::cx();
        let held = db.begin(&mut other).await.expect("a transaction");
        db.begin(&mut cx)
            .await
            .expect("a transaction")
            .commit(())
            .await
            .expect("a commit");
        held.commit(()).await.expect("a commit");

        proxy.fault.send_replace(Fault::Disconnect);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        proxy.fault.send_replace(Fault::None);
        let mut tx = db.begin(&mut cx).await.expect("a fresh connection");
        tx.execute(sql!("DELETE FROM parts"), ()).await.expect("a statement");
        tx.commit(()).await.expect("a commit");

        store
            .database
            .administer(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        let mut read = db.read(&mut cx).await.expect("a connection");
        read.fetch_all::<(String,)>(sql!("SELECT name FROM things"), ())
            .await
            .expect("a fresh connection");
    }
}
