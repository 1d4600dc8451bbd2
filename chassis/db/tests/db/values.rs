//! Every native type survives a round trip, as a single parameter and in sets.

use offshoot_contract::{Currency, Id, Money, Timestamp, error_chain};
use offshoot_db::{List, Name, sql, statement_coverage};
use serde_json::{Value, json};

use crate::store::{Store, Thing, cx, new_id, now};

crate::on_both_engines!(
    every_type_survives_a_round_trip,
    a_thousand_rows_are_inserted_by_one_statement,
    insert_many_supports_on_conflict,
    insert_many_without_a_placeholder_is_rejected,
    lists_of_every_element_type_match_rows,
    currencies_and_named_variants_are_stored_as_texts,
    a_text_that_is_not_a_currency_or_a_name_does_not_decode,
    executed_and_decoded_statements_are_recorded,
);

offshoot_db::row! {
    #[derive(Debug, Clone, PartialEq)]
    struct AllTypes {
        id: Id<Thing>,
        name: String,
        quantity: i64,
        made_at: Timestamp,
        good: bool,
        size: Option<i32>,
        data: Option<Value>,
        bytes: Option<Vec<u8>>,
    }
}

fn edge_cases() -> Vec<AllTypes> {
    let at = |micros| Timestamp::from_micros(micros).expect("a time in range");
    let plain = AllTypes {
        id: new_id(),
        name: "tea".to_owned(),
        quantity: 0,
        made_at: now(),
        good: true,
        size: None,
        data: None,
        bytes: None,
    };
    vec![
        plain.clone(),
        AllTypes {
            id: Id::from_uuid(uuid::Uuid::nil()),
            name: String::new(),
            quantity: i64::MAX,
            made_at: at(-62_167_219_200_000_000),
            good: false,
            size: Some(i32::MIN),
            data: Some(json!({"text": "\"quoted\" \\ ' $1 \u{1F375}", "list": [1, null, 2.5]})),
            bytes: Some(vec![]),
        },
        AllTypes {
            id: Id::from_uuid(uuid::Uuid::max()),
            name: "\"quoted\" \\ 'tea'\n\t$1 {} \u{1F375} \u{0001}".to_owned(),
            quantity: 9_007_199_254_740_993,
            made_at: at(253_402_300_799_999_999),
            data: Some(Value::Null),
            bytes: Some((0..=255).collect()),
            ..plain.clone()
        },
        AllTypes {
            id: new_id(),
            made_at: at(-1),
            quantity: 1,
            ..plain
        },
    ]
}

async fn stored(store: &Store) -> Vec<AllTypes> {
    let mut cx = cx();
    let mut read = store.db.read(&mut cx).await.expect("a connection");
    let all = sql!("SELECT id, name, quantity, made_at, good, size, data, bytes FROM things ORDER BY id");
    let mut rows: Vec<AllTypes> = read.fetch_all(all, ()).await.expect("rows");
    rows.sort_by_key(|row| row.id);
    rows
}

async fn every_type_survives_a_round_trip(store: Store) {
    let mut rows = edge_cases();
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    for row in rows.clone() {
        let AllTypes {
            id,
            name,
            quantity,
            made_at,
            good,
            size,
            data,
            bytes,
        } = row;
        let insert = sql!(
            "INSERT INTO things (id, name, quantity, made_at, good, size, data, bytes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        );
        tx.execute(
            insert,
            (id, name.as_str(), quantity, made_at, good, size, data, bytes.as_deref()),
        )
        .await
        .expect("an insert");
    }
    tx.commit(()).await.expect("a commit");
    rows.sort_by_key(|row| row.id);
    assert_eq!(stored(&store).await, rows);

    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    assert_eq!(tx.execute(sql!("DELETE FROM things"), ()).await, Ok(4));
    let insert = sql!("INSERT INTO things (id, name, quantity, made_at, good, size, data, bytes) VALUES $rows");
    let tuples = rows
        .iter()
        .cloned()
        .map(|r| (r.id, r.name, r.quantity, r.made_at, r.good, r.size, r.data, r.bytes));
    assert_eq!(tx.insert_many(insert, tuples).await, Ok(4));
    tx.commit(()).await.expect("a commit");
    assert_eq!(stored(&store).await, rows);
}

async fn a_thousand_rows_are_inserted_by_one_statement(store: Store) {
    let rows: Vec<_> = (0..1_000)
        .map(|n: i64| (new_id(), format!("thing {n}"), n, now(), n % 2 == 0))
        .collect();
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let insert = sql!("INSERT INTO things (id, name, quantity, made_at, good) VALUES $rows");
    assert_eq!(tx.insert_many(insert, rows.clone()).await, Ok(1_000));
    assert_eq!(tx.insert_many(insert, rows.into_iter().take(0)).await, Ok(0));
    tx.commit(()).await.expect("a commit");
    let sums: (i64, i64) = store
        .db
        .read(&mut cx)
        .await
        .expect("a connection")
        .fetch_one(sql!("SELECT count(*), CAST(sum(quantity) AS bigint) FROM things"), ())
        .await
        .expect("one row");
    assert_eq!(sums, (1_000, 499_500));
}

async fn insert_many_supports_on_conflict(store: Store) {
    let row = |name: &str, good| (new_id(), name.to_owned(), 1_i64, now(), good);
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let ignore = sql!(
        "INSERT INTO things (id, name, quantity, made_at, good) VALUES $rows ON CONFLICT (name, quantity) DO NOTHING"
    );
    assert_eq!(
        tx.insert_many(ignore, [row("tea", true), row("milk", true)]).await,
        Ok(2)
    );
    assert_eq!(
        tx.insert_many(ignore, [row("tea", false), row("bread", true)]).await,
        Ok(1)
    );
    let update = sql!(
        "INSERT INTO things (id, name, quantity, made_at, good) VALUES $rows \
         ON CONFLICT (name, quantity) DO UPDATE SET good = excluded.good"
    );
    assert_eq!(tx.insert_many(update, [row("tea", false)]).await, Ok(1));
    tx.commit(()).await.expect("a commit");
    let good: Vec<_> = stored(&store)
        .await
        .into_iter()
        .map(|row| (row.name, row.good))
        .collect();
    assert!(good.contains(&("tea".to_owned(), false)) && good.len() == 3, "{good:?}");
}

async fn insert_many_without_a_placeholder_is_rejected(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let failure = tx
        .insert_many(sql!("INSERT INTO things VALUES (1)"), [(1_i64,)])
        .await
        .expect_err("the placeholder is missing");
    assert!(failure.message().contains("values.rs:"), "{failure}");
}

async fn lists_of_every_element_type_match_rows(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let rows = edge_cases();
    let insert = sql!("INSERT INTO things (id, name, quantity, made_at, good) VALUES $rows");
    let tuples = rows
        .iter()
        .cloned()
        .map(|r| (r.id, r.name, r.quantity, r.made_at, r.good));
    tx.insert_many(insert, tuples).await.expect("an insert");
    let by_names = sql!(
        sqlite: "SELECT count(*) FROM things WHERE name IN (SELECT value FROM json_each($1))",
        postgres: "SELECT count(*) FROM things WHERE name = ANY($1)"
    );
    let names: List<String> = rows.iter().map(|row| row.name.clone()).collect();
    assert_eq!(tx.fetch_one(by_names, (names,)).await, Ok((4_i64,)));
    let by_numbers = sql!(
        sqlite: "SELECT count(*) FROM things WHERE quantity IN (SELECT value FROM json_each($1))",
        postgres: "SELECT count(*) FROM things WHERE quantity = ANY($1)"
    );
    assert_eq!(
        tx.fetch_one(by_numbers, (List(vec![i64::MAX, 9_007_199_254_740_993]),))
            .await,
        Ok((2_i64,))
    );
    let by_times = sql!(
        sqlite: "SELECT count(*) FROM things WHERE made_at IN (SELECT value FROM json_each($1))",
        postgres: "SELECT count(*) FROM things WHERE made_at = ANY($1)"
    );
    let times: List<Timestamp> = rows.iter().map(|row| row.made_at).collect();
    assert_eq!(tx.fetch_one(by_times, (times,)).await, Ok((4_i64,)));
}

offshoot_contract::named! {
    #[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
    enum Drink {
        Tea = "tea",
        IcedTea = "iced-tea",
    }
}

async fn currencies_and_named_variants_are_stored_as_texts(store: Store) {
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let insert = sql!("INSERT INTO things (id, name, quantity, made_at, good) VALUES ($1, $2, 1, $3, $4)");
    for result in [
        tx.execute(insert, (new_id(), Money::GBP, now(), true)).await,
        tx.execute(insert, (new_id(), Name(Drink::Tea), now(), true)).await,
    ] {
        assert_eq!(result, Ok(1));
    }
    let insert_rows = sql!("INSERT INTO things (id, name, quantity, made_at, good) VALUES $rows");
    let eur: Currency = "EUR".parse().expect("a currency");
    assert_eq!(
        tx.insert_many(insert_rows, [(new_id(), eur, 2_i64, now(), true)]).await,
        Ok(1)
    );
    let row = (new_id(), Name(Drink::IcedTea), 3_i64, now(), true);
    assert_eq!(tx.insert_many(insert_rows, [row]).await, Ok(1));

    let texts: Vec<(String,)> = tx
        .fetch_all(sql!("SELECT name FROM things ORDER BY name"), ())
        .await
        .expect("rows");
    let texts: Vec<_> = texts.iter().map(|(text,)| text.as_str()).collect();
    assert_eq!(texts, ["EUR", "GBP", "iced-tea", "tea"]);
    let currencies = sql!("SELECT name FROM things WHERE length(name) = 3 AND name <> $1 ORDER BY name");
    assert_eq!(
        tx.fetch_all(currencies, (Name(Drink::Tea),)).await,
        Ok(vec![(eur,), (Money::GBP,)])
    );
    let drinks = sql!("SELECT name FROM things WHERE name NOT IN ($1, $2) ORDER BY name");
    assert_eq!(
        tx.fetch_all(drinks, (Money::GBP, Some(eur))).await,
        Ok(vec![(Name(Drink::IcedTea),), (Name(Drink::Tea),)])
    );
    let listed = sql!(
        sqlite: "SELECT count(*) FROM things WHERE name IN (SELECT value FROM json_each($1))",
        postgres: "SELECT count(*) FROM things WHERE name = ANY($1)"
    );
    assert_eq!(tx.fetch_one(listed, (List(vec![Money::GBP, eur]),)).await, Ok((2_i64,)));
    assert_eq!(
        tx.fetch_one(listed, (List(vec![Name(Drink::Tea)]),)).await,
        Ok((1_i64,))
    );
}

async fn a_text_that_is_not_a_currency_or_a_name_does_not_decode(store: Store) {
    let mut cx = cx();
    let coffee = sql!("SELECT 'coffee' AS drink");
    let mut read = store.db.read(&mut cx).await.expect("a connection");
    let failure = read
        .fetch_one::<(Currency,)>(coffee, ())
        .await
        .expect_err("no currency");
    let chain = error_chain(&failure);
    assert!(chain.contains("`coffee` is not a valid currency"), "{chain}");
    drop(read);
    let mut read = store.db.read(&mut cx).await.expect("a connection");
    let failure = read.fetch_one::<(Name<Drink>,)>(coffee, ()).await.expect_err("no name");
    let chain = error_chain(&failure);
    assert!(
        chain.contains("`coffee` is not a valid name: expected tea, iced-tea"),
        "{chain}"
    );
}

async fn executed_and_decoded_statements_are_recorded(store: Store) {
    statement_coverage::enable();
    let mut cx = cx();
    let mut tx = store.db.begin(&mut cx).await.expect("a transaction");
    let delete = sql!("DELETE FROM things");
    tx.execute(delete, ()).await.expect("a delete");
    let none = sql!("SELECT name FROM things WHERE 1 = 0");
    let some = sql!("SELECT 'tea'");
    let failing = sql!("SELECT name FROM nothing");
    assert_eq!(tx.fetch_optional::<(String,)>(none, ()).await, Ok(None));
    tx.fetch_one::<(String,)>(some, ()).await.expect("a row");
    tx.fetch_all::<(String,)>(failing, ())
        .await
        .expect_err("the table does not exist");
    let engine = store.db.engine();
    let seen = statement_coverage::executed();
    let seen = |line| {
        let of_line = seen
            .iter()
            .filter(|each| each.line == line && each.engine == engine && each.file == file!());
        of_line.map(|each| each.decoded).collect::<Vec<_>>()
    };
    assert_eq!(
        [delete, none, some].map(|sql| seen(sql.line())),
        [vec![true], vec![false], vec![true]]
    );
    assert!(seen(failing.line()).is_empty());
}
