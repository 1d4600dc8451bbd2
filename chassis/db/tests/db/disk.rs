//! A full disk is reported as such, and the store continues once space is free.

use offshoot_contract::FailureKind;
use offshoot_db::{Engine, sql};

use crate::store::{Store, add, cx, new_id, now};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_aborts_only_the_current_transaction() {
    let store = Store::new(Engine::Sqlite).await.expect("SQLite is always there");
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let limit = "PRAGMA max_page_count = 1";
    let connection = tx.sqlite().expect("the engine is SQLite");
    // SQLite raises the limit to the current size of the file.
    sqlx::query(limit).execute(&mut *connection).await.expect("a limit");
    let insert =
        sql!("INSERT INTO things (id, name, quantity, made_at, good, bytes) VALUES ($1, 'tea', 1, $2, $3, $4)");
    let failure = tx
        .execute(insert, (new_id(), now(), true, vec![0_u8; 1 << 20]))
        .await
        .expect_err("the disk is full");
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    assert!(
        failure
            .message()
            .contains("depot: the disk of the database file is full"),
        "{failure}"
    );
    drop(tx);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let connection = tx.sqlite().expect("the engine is SQLite");
    sqlx::query("PRAGMA max_page_count = 1000000")
        .execute(connection)
        .await
        .expect("a higher limit");
    add(&mut tx, "milk").await.expect("an insert");
    tx.commit(()).await.expect("a commit");
    assert_eq!(store.names().await, ["milk"]);
}
