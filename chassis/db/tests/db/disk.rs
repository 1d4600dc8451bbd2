//! A full disk is told as such, and the store goes on when there is room.

use offshoot_contract::FailureKind;
use offshoot_db::{Engine, sql};

use crate::store::{Store, add, cx, new_id, now};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_the_transaction_and_nothing_else() {
    let store = Store::new(Engine::Sqlite).await.expect("SQLite is always there");
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let limit = "PRAGMA max_page_count = 1";
    let connection = tx.sqlite().expect("the module lives on SQLite");
    // SQLite takes the size that the file has already as the least.
    sqlx::query(limit).execute(&mut *connection).await.expect("a limit");
    let insert =
        sql!("INSERT INTO things (id, name, quantity, made_at, good, bytes) VALUES ($1, 'tea', 1, $2, $3, $4)");
    let failure = tx
        .execute(insert, (new_id(), now(), true, vec![0_u8; 1 << 20]))
        .await
        .expect_err("no room");
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert!(
        failure
            .message()
            .contains("depot: the disk of the database's file is full"),
        "{failure}"
    );
    drop(tx);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let connection = tx.sqlite().expect("the module lives on SQLite");
    sqlx::query("PRAGMA max_page_count = 1000000")
        .execute(connection)
        .await
        .expect("room");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    assert_eq!(store.names().await, ["milk"]);
}
