//! Those who hear are kept from it: by their own full disk, or because their process was stopped where it stood.

use std::time::Duration;

use offshoot_tests::{Client, Data, Engine, Operator, Process};
use sqlx::{Connection as _, SqliteConnection};

use super::hearing::{all_is_heard, until};

on_both_engines! {
    a_process_that_is_stopped_where_it_stands_holds_up_nobody,
}

const SILENCE: (&str, &str) = ("OFFSHOOT__JOBS__SILENCE", "1s");

async fn add(operator: &Operator, sku: &str) -> String {
    operator.add(sku, "Tin lantern", "2.50").await
}

/// Waits until a product is in the storefront's copy.
async fn is_heard_of(client: &Client, product: &str) {
    until(client, &format!("/api/v1/storefront/products/{product}"), |_| true).await;
}

/// Bytes, and products of which each takes more than a hundredth of them.
const ROOM: u64 = 64 * 1024;
const MANY: usize = 300;

/// Whether nobody is writing to a file of the store at this moment.
async fn nobody_writes(data: &Data) -> bool {
    for file in std::fs::read_dir(data.folder()).expect("it is a folder") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "db") {
            continue;
        }
        let url = format!("sqlite:{}", path.display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the file is there");
        let both = "PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK";
        if sqlx::raw_sql(both).execute(&mut connection).await.is_err() {
            return false;
        }
    }
    true
}

/// Stops a process where it stands. On SQLite between two transactions: whoever is stopped inside one has the file's lock until
/// it goes on or is killed, as with any program.
async fn stop_where_it_stands(data: &Data, process: &Process, engine: Engine) {
    loop {
        process.signal("STOP").await;
        if engine == Engine::Postgres || nobody_writes(data).await {
            return;
        }
        process.signal("CONT").await;
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
}

async fn a_process_that_is_stopped_where_it_stands_holds_up_nobody(engine: Engine) {
    let data = Data::new(engine).await;
    let first = data.serve_with(&[SILENCE], &[]).await;
    first.ready().await;
    all_is_heard(&data).await;
    let second = data.serve_with(&[SILENCE], &[]).await;
    second.ready().await;
    let client = Client::new(second.url());
    let operator = Operator::new(Client::new(second.url()).with_token(data.operator_token()));
    for round in 0..3 {
        stop_where_it_stands(&data, &first, engine).await;
        // The other one takes over all that it had.
        let product = add(&operator, &format!("STOPPED-{round}")).await;
        is_heard_of(&client, &product).await;
        all_is_heard(&data).await;
        first.signal("CONT").await;
        // It takes itself for the owner of what it had, until its next transaction.
        let product = add(&operator, &format!("GOES-ON-{round}")).await;
        is_heard_of(&client, &product).await;
        all_is_heard(&data).await;
    }
    let letters = data.run(&["events", "dead-letters", "--json"]).await.expect_success();
    assert_eq!(letters.stdout.trim(), "[]");
    let before = client.get("/api/v1/storefront/products?page_size=50").await.expect(200);
    data.run(&["events", "rebuild", "storefront-products"])
        .await
        .expect_success();
    all_is_heard(&data).await;
    let after = client.get("/api/v1/storefront/products?page_size=50").await.expect(200);
    assert_eq!(before["items"], after["items"]);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn who_hears_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let data = Data::new(Engine::Sqlite).await;
    let goods = data.serve_with(&[SILENCE], &["--only", "catalog,inventory"]).await;
    let [catalog, inventory] = ["catalog", "inventory"].map(|module| format!("{module}={}", goods.url()));
    let goods_there = ["--remote", catalog.as_str(), "--remote", inventory.as_str()];
    let storefront = [&["--only", "storefront"], &goods_there[..]].concat();
    let hearing = data.serve_with(&[SILENCE], &storefront).await;
    let address = hearing.address().to_owned();
    let storefront = [&storefront[..], &["--listen", &address]].concat();
    let storefront_there = format!("storefront=http://{address}");
    let front = [&goods_there[..], &["--remote", &storefront_there]].concat();
    let front = data.serve_with(&[SILENCE], &front).await;
    front.ready().await;
    let client = Client::new(front.url());
    let operator = Operator::new(Client::new(front.url()).with_token(data.operator_token()));
    is_heard_of(&client, &add(&operator, "BEFORE").await).await;
    all_is_heard(&data).await;
    hearing.stop().await;

    // There is room for what it does at all times, and not for all that comes.
    let file = data.folder().join("storefront.db");
    let size = std::fs::metadata(&file).expect("it is there").len();
    let hearing = data.serve_on_a_small_disk(size + ROOM, &storefront).await;
    let mut products = Vec::new();
    for number in 0..MANY {
        products.push(add(&operator, &format!("AFTER-{number}")).await);
    }
    hearing.logged("cannot write that it is there").await;
    let told = data.logged();
    let told = told.lines().find(|line| line.contains("cannot write that it is there"));
    let told = told.unwrap_or_default();
    assert!(told.contains("storefront") && told.contains("disk"), "{told}");
    hearing.kill().await;
    let hearing = data.serve_with(&[SILENCE], &storefront).await;
    for product in &products {
        is_heard_of(&client, product).await;
    }
    all_is_heard(&data).await;
    for process in [front, hearing, goods] {
        process.stop().await;
    }
}
