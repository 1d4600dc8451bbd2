//! Names of violated constraints, the same on both engines.

use offshoot_contract::CallFailure;
use offshoot_db::{Engine, Sql, sql, violates};

use crate::store::{Store, Thing, add, cx, new_id, now};

crate::on_both_engines!(
    violated_constraints_have_the_same_names_on_both_engines,
    a_foreign_key_is_checked_even_if_only_one_row_is_fetched,
    a_failure_message_contains_no_sql,
);

type Row = (offshoot_contract::Id<Thing>, &'static str, i64);

async fn violation(store: &Store, sql: Sql, row: Row) -> CallFailure {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    tx.execute(sql, (row.0, row.1, row.2, now(), true))
        .await
        .expect_err("a constraint is violated")
}

async fn violated_constraints_have_the_same_names_on_both_engines(store: Store) {
    let id = new_id();
    let insert = sql!("INSERT INTO things (id, name, quantity, made_at, good) VALUES ($1, $2, $3, $4, $5)");
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    tx.execute(insert, (id, "tea", 1_i64, now(), true))
        .await
        .expect("an insert");
    tx.execute(sql!("INSERT INTO parts (thing_id, number) VALUES ($1, 7)"), (id,))
        .await
        .expect("an insert");
    tx.commit(()).await.expect("a commit");

    let taken = violation(&store, insert, (new_id(), "tea", 1)).await;
    assert!(violates(&taken, "things_name_quantity_key"), "{taken:?}");
    assert!(!violates(&taken, "things_pkey"));
    assert!(!taken.may_have_executed());
    let twice = violation(&store, insert, (id, "milk", 1)).await;
    assert!(violates(&twice, "things_pkey"), "{twice:?}");
    let negative = violation(&store, insert, (new_id(), "milk", -1)).await;
    assert!(violates(&negative, "things_quantity_check"), "{negative:?}");

    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let number = tx
        .execute(
            sql!("INSERT INTO parts (thing_id, number) VALUES ($1, 7) "),
            (new_id(),),
        )
        .await;
    let number = number.expect_err("the number is taken");
    assert!(violates(&number, "parts_number_key"), "{number:?}");
    drop(tx);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let orphan = tx
        .execute(sql!("INSERT INTO parts (thing_id, number) VALUES ($1, 8)"), (new_id(),))
        .await;
    let orphan = orphan.expect_err("the referenced thing does not exist");
    // SQLite does not report which foreign key was violated.
    let named = store.db.engine() == Engine::Postgres;
    assert_eq!(violates(&orphan, "parts_thing_id_fkey"), named, "{orphan:?}");
}

async fn a_foreign_key_is_checked_even_if_only_one_row_is_fetched(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let insert = sql!("INSERT INTO parts (thing_id, number) VALUES ($1, 8), ($1, 9) RETURNING number");
    let orphan = tx.fetch_optional::<(i64,)>(insert, (new_id(),)).await;
    assert!(orphan.is_err(), "{orphan:?}");
}

async fn a_failure_message_contains_no_sql(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    add(&mut tx, "tea").await.expect("an insert");
    let failure = add(&mut tx, "tea").await.expect_err("the name is taken");
    assert_eq!(
        failure.message(),
        "depot: the change violates the constraint `things_name_quantity_key`"
    );
    drop(tx);
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let failure = tx
        .fetch_all::<(i64,)>(sql!("SELECT secret FROM nowhere"), ())
        .await
        .expect_err("the table does not exist");
    assert_eq!(failure.message(), "depot: a statement failed");
    let cause = std::error::Error::source(&failure).expect("a cause");
    assert!(cause.to_string().contains("constraints.rs:"), "{cause}");
    assert!(
        cause
            .source()
            .expect("the database's error")
            .to_string()
            .contains("nowhere")
    );
}
