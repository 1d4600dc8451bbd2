//! `offshoot events`: status, dead letters, retry, skip and rebuild.

use std::time::{Duration, Instant};

use offshoot_tests::{Client, Data, Engine, Operator, Process};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::interrupted_import::SAMPLE_CSV;
use super::subscriptions::wait_until_subscriptions_catch_up;

on_both_engines! {
    a_malformed_event_becomes_a_dead_letter_and_blocks_no_other_key,
    a_projection_is_rebuilt_while_the_store_serves,
    wrong_usage_is_explained,
}

/// Longer than any wait here takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn serve_with_sample(engine: Engine) -> (Data, Process) {
    let data = Data::new(engine).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    let store = data.serve_with(&[("OFFSHOOT__JOBS__SILENCE", "1s")], &[]).await;
    store.wait_until_ready().await;
    wait_until_subscriptions_catch_up(&data).await;
    (data, store)
}

/// Inserts a malformed product event directly into the catalog's outbox.
pub(super) async fn insert_malformed_event(data: &Data) {
    let insert = |table: &str, lasting: &str, at: &str| {
        AssertSqlSafe(format!(
            "INSERT INTO {table} (name, version, key, bucket, lasting, payload, at) \
             VALUES ('product-changed', 1, 'product_x', 0, {lasting}, '{{\"id\": 7}}', {at})"
        ))
    };
    match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
            let sql = insert("catalog.offshoot_events", "true", "now()");
            sqlx::raw_sql(sql)
                .execute(&mut connection)
                .await
                .expect("the insert succeeds");
        }
        None => {
            let url = format!("sqlite:{}", data.folder().join("catalog.db").display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the database file opens");
            let sql = insert("offshoot_events", "1", "0");
            sqlx::raw_sql(sql)
                .execute(&mut connection)
                .await
                .expect("the insert succeeds");
        }
    }
}

/// The dead letters of a subscription.
async fn dead_letters(data: &Data, subscription: &str) -> Vec<Value> {
    let asked = ["events", "dead-letters", "--subscription", subscription, "--json"];
    let printed = data.run_command(&asked).await.expect_success().stdout;
    serde_json::from_str(&printed).expect("stdout is JSON")
}

async fn wait_until(holds: impl AsyncFn() -> bool) {
    let give_up = Instant::now() + TIMEOUT;
    while !holds().await {
        assert!(Instant::now() < give_up, "the condition does not hold in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_malformed_event_becomes_a_dead_letter_and_blocks_no_other_key(engine: Engine) {
    let (data, store) = serve_with_sample(engine).await;
    insert_malformed_event(&data).await;
    wait_until(async || dead_letters(&data, "storefront-products").await.len() == 1).await;
    let letter = dead_letters(&data, "storefront-products").await.remove(0);
    assert_eq!(letter["payload"], "{\"id\": 7}");
    let reason = letter["reason"].as_str().expect("a reason");
    assert!(reason.contains("does not match the contract"), "{reason}");
    let shown = data
        .run_command(&["events", "dead-letters"])
        .await
        .expect_success()
        .stdout;
    assert!(
        shown.contains("storefront-products") && shown.contains("product_x"),
        "{shown}"
    );
    // Events of other keys are handled.
    let client = Client::new(store.url());
    let operator = Operator::new(Client::new(store.url()).with_token(data.operator_token()));
    let added = operator.add_product("NEW", "Brass lamp", "2.50").await;
    let path = format!("/api/v1/storefront/products/{added}");
    wait_until(async || client.get(&path).await.status == 200).await;
    // A retried event fails again; a skipped event is gone.
    let retried = data
        .run_command(&["events", "retry", "storefront-products", "--all"])
        .await
        .expect_success();
    assert_eq!(
        retried.stdout.trim(),
        "storefront-products: 1 events are tried again now"
    );
    let position = letter["position"].to_string();
    for subscription in ["storefront-products", "carts-prices"] {
        wait_until(async || !dead_letters(&data, subscription).await.is_empty()).await;
        data.run_command(&["events", "skip", subscription, &position])
            .await
            .expect_success();
        assert_eq!(dead_letters(&data, subscription).await, [] as [Value; 0]);
    }
    wait_until_subscriptions_catch_up(&data).await;
    store.stop().await;
}

async fn a_projection_is_rebuilt_while_the_store_serves(engine: Engine) {
    let (data, store) = serve_with_sample(engine).await;
    let client = Client::new(store.url());
    let before = client.get("/api/v1/storefront/products?page_size=50").await.expect(200);
    assert_eq!(before["items"].as_array().map(Vec::len), Some(50));
    data.run_command(&["events", "rebuild", "storefront-products"])
        .await
        .expect_success();
    let is_rebuilt = async || {
        let now = client.get("/api/v1/storefront/products?page_size=50").await;
        now.status == 200 && now.expect(200)["items"] == before["items"]
    };
    wait_until_subscriptions_catch_up(&data).await;
    wait_until(is_rebuilt).await;
    store.stop().await;
}

async fn wrong_usage_is_explained(engine: Engine) {
    let data = Data::new(engine).await;
    let nothing = data.run_command(&["events", "rebuild", "storefront-products"]).await;
    // On Postgres the schemas are there before the first start.
    let expected = match engine {
        Engine::Sqlite => "there is no store in sqlite:",
        Engine::Postgres => "no module whose data is here has a subscription yet",
    };
    nothing.expect_error(1, &[expected]);
    let store = data.serve(&[]).await;
    store.wait_until_ready().await;
    wait_until_subscriptions_catch_up(&data).await;
    for (arguments, code, parts) in [
        (
            &["events", "rebuild", "nobody"][..],
            1,
            &["no subscription `nobody`", "storefront-products"][..],
        ),
        (
            &["events", "rebuild", "notifications-orders"],
            1,
            &["is not a projection", "events replay notifications-orders"],
        ),
        (
            &["events", "skip", "storefront-products", "9"],
            1,
            &["no parked event at 9", "dead-letters"],
        ),
    ] {
        data.run_command(arguments).await.expect_error(code, parts);
    }
    for arguments in [
        &["events", "retry", "storefront-products"][..],
        &["events", "replay", "storefront-products", "--from", "0"],
    ] {
        assert_eq!(data.run_command(arguments).await.code, Some(2), "{arguments:?}");
    }
    store.stop().await;
}
