//! `offshoot events`: an operator sees how far events are handled, and decides about one that cannot be.

use std::time::{Duration, Instant};

use offshoot_tests::{Client, Data, Engine, Operator, Process};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::hearing::all_is_heard;
use super::interrupted_import::SAMPLE;

on_both_engines! {
    an_event_that_is_damaged_waits_for_an_operator_and_keeps_nobody_else,
    a_copy_is_made_anew_while_the_store_serves,
    what_is_asked_wrongly_is_told,
}

/// Longer than anything here takes on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(60);

async fn serve(engine: Engine) -> (Data, Process) {
    let data = Data::new(engine).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    let store = data.serve_with(&[("OFFSHOOT__JOBS__SILENCE", "1s")], &[]).await;
    store.ready().await;
    all_is_heard(&data).await;
    (data, store)
}

/// Announces a product that no binary here would announce, behind the store's back.
async fn plant(data: &Data) {
    let insert = |table: &str, lasting: &str, at: &str| {
        AssertSqlSafe(format!(
            "INSERT INTO {table} (name, version, key, bucket, lasting, payload, at) \
             VALUES ('product-changed', 1, 'product_x', 0, {lasting}, '{{\"id\": 7}}', {at})"
        ))
    };
    match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("the server is there");
            let sql = insert("catalog.offshoot_events", "true", "now()");
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("it runs");
        }
        None => {
            let url = format!("sqlite:{}", data.folder().join("catalog.db").display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the file is there");
            let sql = insert("offshoot_events", "1", "0");
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("it runs");
        }
    }
}

/// What was set aside of a subscription.
async fn letters(data: &Data, subscription: &str) -> Vec<Value> {
    let asked = ["events", "dead-letters", "--subscription", subscription, "--json"];
    let letters = data.run(&asked).await.expect_success().stdout;
    serde_json::from_str(&letters).expect("it is JSON")
}

async fn until(holds: impl AsyncFn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < give_up, "it does not come about");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn an_event_that_is_damaged_waits_for_an_operator_and_keeps_nobody_else(engine: Engine) {
    let (data, store) = serve(engine).await;
    plant(&data).await;
    until(async || letters(&data, "storefront-products").await.len() == 1).await;
    let letter = letters(&data, "storefront-products").await.remove(0);
    assert_eq!(letter["payload"], "{\"id\": 7}");
    let reason = letter["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("does not have the shape that its contract says"),
        "{reason}"
    );
    let shown = data.run(&["events", "dead-letters"]).await.expect_success().stdout;
    assert!(
        shown.contains("storefront-products") && shown.contains("product_x"),
        "{shown}"
    );
    // Others go on.
    let client = Client::new(store.url());
    let operator = Operator::new(Client::new(store.url()).with_token(data.operator_token()));
    let added = operator.add("NEW", "Brass lamp", "2.50").await;
    let path = format!("/api/v1/storefront/products/{added}");
    until(async || client.get(&path).await.status == 200).await;
    // Tried again it fails again; skipped, it is gone.
    let retried = data
        .run(&["events", "retry", "storefront-products", "--all"])
        .await
        .expect_success();
    assert_eq!(
        retried.stdout.trim(),
        "storefront-products: 1 events are tried again now"
    );
    let position = letter["position"].to_string();
    for subscription in ["storefront-products", "carts-prices"] {
        until(async || !letters(&data, subscription).await.is_empty()).await;
        data.run(&["events", "skip", subscription, &position])
            .await
            .expect_success();
        assert_eq!(letters(&data, subscription).await, [] as [Value; 0]);
    }
    all_is_heard(&data).await;
    store.stop().await;
}

async fn a_copy_is_made_anew_while_the_store_serves(engine: Engine) {
    let (data, store) = serve(engine).await;
    let client = Client::new(store.url());
    let before = client.get("/api/v1/storefront/products?page_size=50").await.expect(200);
    assert_eq!(before["items"].as_array().map(Vec::len), Some(50));
    data.run(&["events", "rebuild", "storefront-products"])
        .await
        .expect_success();
    let again = async || {
        let now = client.get("/api/v1/storefront/products?page_size=50").await;
        now.status == 200 && now.expect(200)["items"] == before["items"]
    };
    all_is_heard(&data).await;
    until(again).await;
    store.stop().await;
}

async fn what_is_asked_wrongly_is_told(engine: Engine) {
    let data = Data::new(engine).await;
    let nothing = data.run(&["events", "rebuild", "storefront-products"]).await;
    nothing.expect_error(1, &["no module whose data is here has a subscription yet"]);
    let store = data.serve(&[]).await;
    store.ready().await;
    all_is_heard(&data).await;
    for (arguments, code, parts) in [
        (
            &["events", "rebuild", "nobody"][..],
            1,
            &["no subscription `nobody`", "storefront-products"][..],
        ),
        (
            &["events", "rebuild", "notifications-orders"],
            1,
            &["keeps no copy", "events replay notifications-orders"],
        ),
        (
            &["events", "skip", "storefront-products", "9"],
            1,
            &["no event set aside at 9", "dead-letters"],
        ),
    ] {
        data.run(arguments).await.expect_error(code, parts);
    }
    for arguments in [
        &["events", "retry", "storefront-products"][..],
        &["events", "replay", "storefront-products", "--from", "0"],
    ] {
        assert_eq!(data.run(arguments).await.code, Some(2), "{arguments:?}");
    }
    store.stop().await;
}
