//! `offshoot replay`: real baskets bought from a running store, followed by the proofs. Covers repeated kills of the
//! store and manipulated tables.

use std::time::Duration;

use offshoot_tests::{Data, Engine, Process};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::interrupted_import::{SAMPLE_CSV, env_setting};

on_both_engines! {
    replayed_baskets_pass_every_proof,
    a_repeatedly_killed_store_loses_nothing,
    manipulated_tables_fail_the_proofs,
}

/// Kills per engine. The long suite raises the number.
const KILLS: u32 = 6;
/// Interrupted work is resumed soon.
pub(crate) const FAST_RECOVERY: [(&str, &str); 3] = [
    ("OFFSHOOT__JOBS__SILENCE", "1s"),
    ("OFFSHOOT__ORDERS__LEASE", "1s"),
    ("OFFSHOOT__ORDERS__SWEEP_EVERY", "100ms"),
];

/// Creates data and imports the sample.
pub(crate) async fn data_with_sample(engine: Engine) -> Data {
    let data = Data::new(engine).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    data
}

async fn replayed_baskets_pass_every_proof(engine: Engine) {
    let data = data_with_sample(engine).await;
    let replay = [
        "replay",
        "online-retail",
        SAMPLE_CSV,
        "--limit",
        "40",
        "--seed",
        "5",
        "--run",
        "r",
        "--json",
    ];
    let report = data.run_command(&replay).await.expect_success();
    let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("stdout is JSON");
    assert_eq!(report["baskets"], 40);
    let proofs = report["proofs"].as_array().expect("the report has proofs");
    assert!(
        proofs.len() == 7 && proofs.iter().all(|proof| proof["contradictions"] == 0),
        "{report}"
    );
    assert!(
        proofs.iter().all(|proof| proof["checked"].as_u64() > Some(0)),
        "{report}"
    );
    let outcomes = report["outcomes"].clone();
    // A second run with the same name repeats the same requests and gets the recorded responses.
    let again = data.run_command(&replay).await.expect_success();
    let again: serde_json::Value = serde_json::from_str(&again.stdout).expect("stdout is JSON");
    assert_eq!(again["outcomes"], outcomes);
    let proofs = data.run_command(&["replay", "proofs"]).await.expect_success();
    assert!(
        proofs.stdout.lines().all(|line| line.starts_with("holds")),
        "{}",
        proofs.stdout
    );
}

async fn a_repeatedly_killed_store_loses_nothing(engine: Engine) {
    let seed = env_setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = env_setting("OFFSHOOT_KILLS").unwrap_or(KILLS);
    println!("{engine}: {kills} kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = data_with_sample(engine).await;
    let mut store = data.serve_with(&FAST_RECOVERY, &[]).await;
    let (url, address) = (store.url().to_owned(), store.address().to_owned());
    let mut round = 0;
    let mut killed = 0;
    while killed < kills {
        round += 1;
        let (seed, run) = (seed.wrapping_add(round).to_string(), format!("run-{round}"));
        let replay = [
            "replay",
            "online-retail",
            SAMPLE_CSV,
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
        let mut buying = buying.spawn().expect("the binary starts");
        while killed < kills && buying.try_wait().expect("the child can be polled").is_none() {
            tokio::time::sleep(Duration::from_millis(random.random_range(20..1_200))).await;
            store.kill().await;
            killed += 1;
            store = data.serve_with(&FAST_RECOVERY, &["--listen", &address]).await;
        }
        let output = buying.wait_with_output().await.expect("the child exits");
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "seed {seed}, {killed} kills:\n{report}");
    }
    assert_ledger_matches_revenue(&data, &store).await;
    store.stop().await;
}

/// The payment provider's ledger must hold no authorization, and captures less refunds must equal the revenue of this
/// store's own orders.
pub(crate) async fn assert_ledger_matches_revenue(data: &Data, store: &Process) {
    let ledger = std::fs::read_to_string(data.folder().join("payment-sandbox.jsonl"))
        .expect("the payment sandbox wrote a ledger");
    let mut held = std::collections::HashMap::new();
    let mut captured = 0;
    for line in ledger.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("a ledger line is JSON");
        let key = entry["key"].as_str().expect("a ledger line has a key").to_owned();
        let amount = || ten_thousandths(&entry["amount"]["amount"]);
        match entry["operation"].as_str() {
            Some("authorize") => drop(held.insert(key, amount())),
            Some("void") => drop(held.remove(&key)),
            Some("capture") => captured += held.remove(&key).expect("a captured amount was authorized"),
            Some("refund") => captured -= amount(),
            _ => {}
        }
    }
    assert!(held.is_empty(), "the provider still holds authorizations: {held:?}");
    let orders = offshoot_tests::Client::new(store.url())
        .with_token(data.operator_token())
        .get("/api/v1/reports/revenue?by=country")
        .await
        .expect(200);
    // A store without sales reports no totals.
    let net = orders["totals"]
        .get(0)
        .map_or(0, |total| ten_thousandths(&total["net"]["amount"]));
    let own = net - imported_sales(data).await;
    assert_eq!(
        captured, own,
        "the provider's ledger differs from the revenue of this store's own orders"
    );
}

fn ten_thousandths(amount: &serde_json::Value) -> i64 {
    let money = offshoot_contract::Money::parse(
        amount.as_str().expect("an amount is a decimal string"),
        offshoot_contract::Money::GBP,
    );
    money.expect("an amount is a decimal string").ten_thousandths()
}

/// The total of imported sales, read from the table.
async fn imported_sales(data: &Data) -> i64 {
    select_number(
        data,
        "SELECT COALESCE(CAST(sum(total) AS bigint), 0) FROM {orders}orders WHERE number IS NOT NULL",
    )
    .await
}

/// Runs a statement directly on the tables of a module and returns one number.
async fn select_number(data: &Data, sql: &str) -> i64 {
    match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
            let sql = AssertSqlSafe(sql.replace("{orders}", "orders.").replace("{inventory}", "inventory."));
            sqlx::query_scalar(sql)
                .fetch_one(&mut connection)
                .await
                .expect("the statement succeeds")
        }
        None => {
            let file = if sql.contains("{inventory}") {
                "inventory.db"
            } else {
                "orders.db"
            };
            let url = format!("sqlite:{}", data.folder().join(file).display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the database file opens");
            let sql = AssertSqlSafe(sql.replace("{orders}", "").replace("{inventory}", ""));
            sqlx::query_scalar(sql)
                .fetch_one(&mut connection)
                .await
                .expect("the statement succeeds")
        }
    }
}

async fn manipulated_tables_fail_the_proofs(engine: Engine) {
    let data = data_with_sample(engine).await;
    let replay = ["replay", "online-retail", SAMPLE_CSV, "--limit", "10"];
    data.run_command(&replay).await.expect_success();
    for (sql, claim) in [
        (
            "UPDATE {inventory}stock SET on_hand = on_hand + 1 WHERE product_id = (SELECT min(CAST(product_id AS text)) \
             FROM {inventory}stock) RETURNING 1",
            "each product's stock",
        ),
        (
            "UPDATE {orders}orders SET total = total + 1 WHERE number = '536365' RETURNING CAST(1 AS bigint)",
            "the revenue report",
        ),
    ] {
        // SQLite stores ids as bytes; `min` has no variant for Postgres UUIDs.
        let sql = match engine {
            Engine::Sqlite => sql.replace("CAST(product_id AS text)", "product_id"),
            Engine::Postgres => sql
                .replace(
                    "product_id = (SELECT min(CAST(product_id AS text))",
                    "CAST(product_id AS text) = (SELECT min(CAST(product_id AS text))",
                )
                .replace("RETURNING 1", "RETURNING CAST(1 AS bigint)"),
        };
        assert_eq!(select_number(&data, &sql).await, 1);
        let proofs = data.run_command(&["replay", "proofs", "--patience", "1s"]).await;
        assert_eq!(proofs.code, Some(1), "{}", proofs.stdout);
        let failed = proofs.stdout.lines().find(|line| line.starts_with("FAILS"));
        assert!(failed.is_some_and(|line| line.contains(claim)), "{}", proofs.stdout);
        let revert = sql
            .replace("on_hand + 1", "on_hand - 1")
            .replace("total + 1", "total - 1");
        assert_eq!(select_number(&data, &revert).await, 1);
    }
    data.run_command(&["replay", "proofs"]).await.expect_success();
}
