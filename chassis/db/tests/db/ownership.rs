//! Only the database that owns a module's data takes writes.

use std::time::{Duration, Instant};

use offshoot_contract::FailureKind;
use offshoot_db::Engine;

use crate::store::{Store, add, cx};

crate::on_both_engines!(a_database_that_is_not_open_takes_no_writes, every_store_has_its_own_id);

async fn a_database_that_is_not_open_takes_no_writes(store: Store) {
    for role in ["fenced", "ceded", "follower"] {
        let change = format!("UPDATE offshoot_owner SET role = '{role}', epoch = epoch + 1");
        store.database.administer(&change).await;
        let mut cx = cx();
        let failure = store
            .db
            .begin(&mut cx)
            .await
            .map(drop)
            .expect_err("the database does not own the data");
        assert_eq!(
            (failure.kind(), failure.may_have_executed()),
            (&FailureKind::Unavailable, false)
        );
        assert!(
            failure.message().contains(role) && failure.message().contains("depot"),
            "{failure}"
        );
        assert_eq!(cx.effects(), 0);
    }
    let failure = store
        .db
        .begin(&mut cx())
        .await
        .map(drop)
        .expect_err("the database does not own the data");
    assert!(failure.message().contains("epoch 4"), "{failure}");
    store
        .database
        .administer("UPDATE offshoot_owner SET role = 'open', epoch = epoch + 1")
        .await;
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("the database takes writes again");
    add(&mut tx, "tea").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
}

async fn every_store_has_its_own_id(store: Store) {
    let other = Store::new(store.db.engine()).await.expect("a second store");
    assert_ne!(store.db.store_id(), other.db.store_id());
    assert_eq!(store.db.store_id(), store.reopen().await.store_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_waited_for_a_fence_fails() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let fence = "BEGIN; SELECT pg_advisory_xact_lock(lock_key) FROM offshoot_owner;
                 UPDATE offshoot_owner SET role = 'fenced'; SELECT pg_sleep(0.5); COMMIT";
    let begin = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let start = Instant::now();
        let failure = store
            .db
            .begin(&mut cx())
            .await
            .map(drop)
            .expect_err("the database was fenced in the meantime");
        assert!(failure.message().contains("fenced"), "{failure}");
        assert!(
            start.elapsed() > Duration::from_millis(100),
            "the transaction must wait for the fence"
        );
    };
    tokio::join!(store.database.administer(fence), begin);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_waits_for_open_transactions() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    let fence = "BEGIN; SELECT pg_advisory_xact_lock(lock_key) FROM offshoot_owner;
                 UPDATE offshoot_owner SET role = 'fenced'; COMMIT";
    let commit = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        tx.commit(())
            .await
            .expect("a transaction from before the fence commits");
        Instant::now()
    };
    let fenced = async {
        store.database.administer(fence).await;
        Instant::now()
    };
    let (committed, fenced) = tokio::join!(commit, fenced);
    assert!(committed <= fenced);
}
