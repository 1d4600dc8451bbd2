//! Subscribers that stall: a full disk, or a process suspended with SIGSTOP.

use std::time::Duration;

use offshoot_tests::{Client, Data, Engine, Operator, Process};
use sqlx::{Connection as _, SqliteConnection};

use super::subscriptions::{wait_for_body, wait_until_subscriptions_catch_up};

on_both_engines! {
    a_suspended_process_delays_no_other_process,
}

const FAST_TAKEOVER: (&str, &str) = ("OFFSHOOT__JOBS__SILENCE", "1s");

async fn add_product(operator: &Operator, sku: &str) -> String {
    operator.add_product(sku, "Tin lantern", "2.50").await
}

/// Waits until the storefront lists a product.
async fn wait_until_listed(client: &Client, product: &str) {
    wait_for_body(client, &format!("/api/v1/storefront/products/{product}"), |_| true).await;
}

/// Free bytes on the small disk, and a number of products that does not fit.
const FREE_BYTES: u64 = 64 * 1024;
const MANY: usize = 300;

/// Whether no process holds the write lock of any database file at this moment.
async fn has_no_writer(data: &Data) -> bool {
    for file in std::fs::read_dir(data.folder()).expect("the data directory is readable") {
        let path = file.expect("a directory entry is readable").path();
        if path.extension().is_none_or(|extension| extension != "db") {
            continue;
        }
        let url = format!("sqlite:{}", path.display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the database file opens");
        let probe = "PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK";
        if sqlx::raw_sql(probe).execute(&mut connection).await.is_err() {
            return false;
        }
    }
    true
}

/// Suspends a process. On SQLite, only between two transactions: a process suspended inside a transaction keeps the
/// file's lock until the process continues or is killed, as any program would.
async fn suspend(data: &Data, process: &Process, engine: Engine) {
    loop {
        process.send_signal("STOP").await;
        if engine == Engine::Postgres || has_no_writer(data).await {
            return;
        }
        process.send_signal("CONT").await;
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
}

async fn a_suspended_process_delays_no_other_process(engine: Engine) {
    let data = Data::new(engine).await;
    let first = data.serve_with(&[FAST_TAKEOVER], &[]).await;
    first.wait_until_ready().await;
    wait_until_subscriptions_catch_up(&data).await;
    let second = data.serve_with(&[FAST_TAKEOVER], &[]).await;
    second.wait_until_ready().await;
    let client = Client::new(second.url());
    let operator = Operator::new(Client::new(second.url()).with_token(data.operator_token()));
    for round in 0..3 {
        suspend(&data, &first, engine).await;
        // The second process takes over the leases of the first.
        let product = add_product(&operator, &format!("STOPPED-{round}")).await;
        wait_until_listed(&client, &product).await;
        wait_until_subscriptions_catch_up(&data).await;
        first.send_signal("CONT").await;
        // The first process believes in its expired leases until its next transaction.
        let product = add_product(&operator, &format!("GOES-ON-{round}")).await;
        wait_until_listed(&client, &product).await;
        wait_until_subscriptions_catch_up(&data).await;
    }
    let dead_letters = data
        .run_command(&["events", "dead-letters", "--json"])
        .await
        .expect_success();
    assert_eq!(dead_letters.stdout.trim(), "[]");
    let before = client.get("/api/v1/storefront/products?page_size=50").await.expect(200);
    data.run_command(&["events", "rebuild", "storefront-products"])
        .await
        .expect_success();
    wait_until_subscriptions_catch_up(&data).await;
    let after = client.get("/api/v1/storefront/products?page_size=50").await.expect(200);
    assert_eq!(before["items"], after["items"]);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_subscriber_on_a_full_disk_logs_the_cause_and_resumes_with_free_space() {
    let data = Data::new(Engine::Sqlite).await;
    let warehouse = data
        .serve_with(&[FAST_TAKEOVER], &["--only", "catalog,inventory"])
        .await;
    let [catalog, inventory] = ["catalog", "inventory"].map(|module| format!("{module}={}", warehouse.url()));
    let warehouse_remote = ["--remote", catalog.as_str(), "--remote", inventory.as_str()];
    let storefront = [&["--only", "storefront"], &warehouse_remote[..]].concat();
    let subscriber = data.serve_with(&[FAST_TAKEOVER], &storefront).await;
    let address = subscriber.address().to_owned();
    let storefront = [&storefront[..], &["--listen", &address]].concat();
    let storefront_remote = format!("storefront=http://{address}");
    let front = [&warehouse_remote[..], &["--remote", &storefront_remote]].concat();
    let front = data.serve_with(&[FAST_TAKEOVER], &front).await;
    front.wait_until_ready().await;
    let client = Client::new(front.url());
    let operator = Operator::new(Client::new(front.url()).with_token(data.operator_token()));
    wait_until_listed(&client, &add_product(&operator, "BEFORE").await).await;
    wait_until_subscriptions_catch_up(&data).await;
    subscriber.stop().await;

    // The space suffices for the idle process, and not for all new events.
    let file = data.folder().join("storefront.db");
    let size = std::fs::metadata(&file).expect("the storefront's file exists").len();
    let subscriber = data.serve_with_file_limit(size + FREE_BYTES, &storefront).await;
    let mut products = Vec::new();
    for number in 0..MANY {
        products.push(add_product(&operator, &format!("AFTER-{number}")).await);
    }
    subscriber.wait_for_log("heartbeat failed").await;
    let line = data.log_text();
    let line = line.lines().find(|line| line.contains("heartbeat failed"));
    let line = line.unwrap_or_default();
    assert!(line.contains("storefront") && line.contains("disk"), "{line}");
    subscriber.kill().await;
    let subscriber = data.serve_with(&[FAST_TAKEOVER], &storefront).await;
    for product in &products {
        wait_until_listed(&client, product).await;
    }
    wait_until_subscriptions_catch_up(&data).await;
    for process in [front, subscriber, warehouse] {
        process.stop().await;
    }
}
