//! A real shop's baskets bought live, and the proofs that nothing was lost: with a store that is killed again and again, and
//! on books that were cooked.

use std::time::Duration;

use offshoot_tests::{Data, Engine, Process};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::interrupted_import::{SAMPLE, setting};

on_both_engines! {
    baskets_are_bought_and_every_proof_holds,
    a_store_that_is_killed_again_and_again_loses_nothing,
    cooked_books_are_found,
}

/// Kills of one run; the long run has many more.
const KILLS: u32 = 6;
/// So that what was broken off is taken up soon.
pub(crate) const QUICK: [(&str, &str); 3] = [
    ("OFFSHOOT__JOBS__SILENCE", "1s"),
    ("OFFSHOOT__ORDERS__LEASE", "1s"),
    ("OFFSHOOT__ORDERS__SWEEP_EVERY", "100ms"),
];

/// A store with the sample in it.
async fn filled(engine: Engine) -> Data {
    let data = Data::new(engine).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    data
}

async fn baskets_are_bought_and_every_proof_holds(engine: Engine) {
    let data = filled(engine).await;
    let replay = [
        "replay",
        "online-retail",
        SAMPLE,
        "--limit",
        "40",
        "--seed",
        "5",
        "--run",
        "r",
        "--json",
    ];
    let report = data.run(&replay).await.expect_success();
    let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("it is JSON");
    assert_eq!(report["baskets"], 40);
    let proofs = report["proofs"].as_array().expect("there are proofs");
    assert!(
        proofs.len() == 7 && proofs.iter().all(|proof| proof["contradictions"] == 0),
        "{report}"
    );
    assert!(
        proofs.iter().all(|proof| proof["checked"].as_u64() > Some(0)),
        "{report}"
    );
    let orders = report["outcomes"].clone();
    // The same run again repeats its requests, and is told the same.
    let again = data.run(&replay).await.expect_success();
    let again: serde_json::Value = serde_json::from_str(&again.stdout).expect("it is JSON");
    assert_eq!(again["outcomes"], orders);
    let proofs = data.run(&["replay", "proofs"]).await.expect_success();
    assert!(
        proofs.stdout.lines().all(|line| line.starts_with("holds")),
        "{}",
        proofs.stdout
    );
}

async fn a_store_that_is_killed_again_and_again_loses_nothing(engine: Engine) {
    let seed = setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = setting("OFFSHOOT_KILLS").unwrap_or(KILLS);
    println!("{engine}: {kills} kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = filled(engine).await;
    let mut store = data.serve_with(&QUICK, &[]).await;
    let (url, address) = (store.url().to_owned(), store.address().to_owned());
    let mut round = 0;
    let mut killed = 0;
    while killed < kills {
        round += 1;
        let (seed, run) = (seed.wrapping_add(round).to_string(), format!("run-{round}"));
        let replay = [
            "replay",
            "online-retail",
            SAMPLE,
            "--url",
            &url,
            "--limit",
            "150",
            "--seed",
            &seed,
            "--run",
            &run,
        ];
        let mut buying = data.command(&replay);
        let buying = buying
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null());
        let mut buying = buying.spawn().expect("the binary can be started");
        while killed < kills && buying.try_wait().expect("it can be asked").is_none() {
            tokio::time::sleep(Duration::from_millis(random.random_range(20..1_200))).await;
            store.kill().await;
            killed += 1;
            store = data.serve_with(&QUICK, &["--listen", &address]).await;
        }
        let output = buying.wait_with_output().await.expect("it ends");
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "seed {seed}, {killed} kills:\n{report}");
    }
    ledger_agrees(&data, &store).await;
    store.stop().await;
}

/// What the payment provider did, by its own books, is what the store says it took.
pub(crate) async fn ledger_agrees(data: &Data, store: &Process) {
    let ledger =
        std::fs::read_to_string(data.folder().join("payment-sandbox.jsonl")).expect("the sandbox has a ledger");
    let mut held = std::collections::HashMap::new();
    let mut taken = 0;
    for line in ledger.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        let key = entry["key"].as_str().expect("it has a key").to_owned();
        let amount = || ten_thousandths(&entry["amount"]["amount"]);
        match entry["operation"].as_str() {
            Some("authorize") => drop(held.insert(key, amount())),
            Some("void") => drop(held.remove(&key)),
            Some("capture") => taken += held.remove(&key).expect("what is taken was held"),
            Some("refund") => taken -= amount(),
            _ => {}
        }
    }
    assert!(held.is_empty(), "the provider still holds {held:?}");
    let orders = offshoot_tests::Client::new(store.url())
        .get("/api/v1/reports/revenue?by=country")
        .await
        .expect(200);
    // A store that has sold nothing has no totals.
    let net = orders["totals"]
        .get(0)
        .map_or(0, |total| ten_thousandths(&total["net"]["amount"]));
    let online = net - elsewhere(data).await;
    assert_eq!(
        taken, online,
        "the provider's books and the revenue of this store's own orders"
    );
}

fn ten_thousandths(amount: &serde_json::Value) -> i64 {
    let money = offshoot_contract::Money::parse(amount.as_str().expect("an amount"), offshoot_contract::Money::GBP);
    money.expect("an amount").ten_thousandths()
}

/// What sales elsewhere came to, from the table.
async fn elsewhere(data: &Data) -> i64 {
    number(
        data,
        "SELECT COALESCE(CAST(sum(total) AS bigint), 0) FROM {orders}orders WHERE number IS NOT NULL",
    )
    .await
}

/// Runs a statement on the tables of a module, behind the store's back.
async fn number(data: &Data, sql: &str) -> i64 {
    match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("the server is there");
            let sql = AssertSqlSafe(sql.replace("{orders}", "orders.").replace("{inventory}", "inventory."));
            sqlx::query_scalar(sql)
                .fetch_one(&mut connection)
                .await
                .expect("it runs")
        }
        None => {
            let file = if sql.contains("{inventory}") {
                "inventory.db"
            } else {
                "orders.db"
            };
            let url = format!("sqlite:{}", data.folder().join(file).display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the file is there");
            let sql = AssertSqlSafe(sql.replace("{orders}", "").replace("{inventory}", ""));
            sqlx::query_scalar(sql)
                .fetch_one(&mut connection)
                .await
                .expect("it runs")
        }
    }
}

async fn cooked_books_are_found(engine: Engine) {
    let data = filled(engine).await;
    let replay = ["replay", "online-retail", SAMPLE, "--limit", "10"];
    data.run(&replay).await.expect_success();
    for (sql, claim) in [
        (
            "UPDATE {inventory}stock SET on_hand = on_hand + 1 WHERE product_id = (SELECT min(CAST(product_id AS text)) \
             FROM {inventory}stock) RETURNING 1",
            "of each product",
        ),
        (
            "UPDATE {orders}orders SET total = total + 1 WHERE number = '536365' RETURNING CAST(1 AS bigint)",
            "the revenue report",
        ),
    ] {
        // Ids are bytes on one engine and not on the other.
        let sql = match engine {
            Engine::Sqlite => sql.replace("CAST(product_id AS text)", "product_id"),
            Engine::Postgres => sql
                .replace(
                    "product_id = (SELECT min(CAST(product_id AS text))",
                    "CAST(product_id AS text) = (SELECT min(CAST(product_id AS text))",
                )
                .replace("RETURNING 1", "RETURNING CAST(1 AS bigint)"),
        };
        assert_eq!(number(&data, &sql).await, 1);
        let proofs = data.run(&["replay", "proofs", "--patience", "1s"]).await;
        assert_eq!(proofs.code, Some(1), "{}", proofs.stdout);
        let failed = proofs.stdout.lines().find(|line| line.starts_with("FAILS"));
        assert!(failed.is_some_and(|line| line.contains(claim)), "{}", proofs.stdout);
        let back = sql
            .replace("on_hand + 1", "on_hand - 1")
            .replace("total + 1", "total - 1");
        assert_eq!(number(&data, &back).await, 1);
    }
    data.run(&["replay", "proofs"]).await.expect_success();
}
