//! `offshoot backup`: consistency of backups of a busy store, restore, interruption and full disks.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use offshoot_tests::{CommandOutput, Data, Engine, MODULES, Process};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::interrupted_import::{SAMPLE_CSV, env_setting};
use super::replay::FAST_RECOVERY;

on_both_engines! {
    a_backup_of_a_busy_store_contains_stock_and_payment_of_every_confirmed_order,
    a_restored_idle_store_passes_every_proof,
    a_running_store_is_not_replaced,
    killed_backups_and_restores_can_be_repeated,
}

/// Kills of the backup, and kills of the restore.
const KILLS: u32 = 4;

/// The order of the snapshots: subscribers before publishers, callers before callees. A later snapshot contains
/// everything that an earlier snapshot refers to.
fn snapshot_order() -> Vec<&'static str> {
    MODULES.into_iter().rev().collect()
}

async fn data_with_sample(engine: Engine) -> Data {
    let data = Data::new(engine).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    data
}

fn path_in(data: &Data, name: &str) -> String {
    data.folder().join(name).display().to_string()
}

fn parse_json(finished: &CommandOutput) -> Value {
    serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("stdout is not JSON: {error}: {}", finished.stdout))
}

/// Reads two text columns of a module's table directly from the database.
async fn select_pairs(data: &Data, module: &str, columns: &str) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> = match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
            let sql = AssertSqlSafe(format!("SELECT {columns}").replace("FROM ", &format!("FROM {module}.")));
            sqlx::query_as(sql)
                .fetch_all(&mut connection)
                .await
                .expect("the query succeeds")
        }
        None => {
            let url = format!("sqlite:{}", data.folder().join(format!("{module}.db")).display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the database file opens");
            let sql = AssertSqlSafe(format!("SELECT {columns}"));
            sqlx::query_as(sql)
                .fetch_all(&mut connection)
                .await
                .expect("the query succeeds")
        }
    };
    rows.into_iter().collect()
}

/// Creates a backup while buyers buy. Returns the printed manifest.
async fn back_up_under_load(data: &Data, store: &Process, backup: &str, engine: Engine) -> CommandOutput {
    // Buying goes on until the backup exists, however fast the store is.
    let done = Cell::new(false);
    let buying = async {
        for run in (0..).map(|run| format!("busy-{run}")) {
            let replay = [
                "replay",
                "online-retail",
                SAMPLE_CSV,
                "--url",
                store.url(),
                "--limit",
                "150",
                "--run",
                &run,
            ];
            data.run_command(&replay).await.expect_success();
            if done.get() {
                break;
            }
        }
    };
    let backing_up = async {
        store
            .wait_until("has not sold enough", async || {
                confirmed_orders(data, engine).await.len() > 10
            })
            .await;
        let manifest = data.run_command(&["backup", "create", "--to", backup, "--json"]).await;
        done.set(true);
        manifest.expect_success()
    };
    let ((), manifest) = tokio::join!(buying, backing_up);
    manifest
}

async fn a_backup_of_a_busy_store_contains_stock_and_payment_of_every_confirmed_order(engine: Engine) {
    let data = data_with_sample(engine).await;
    let store = data.serve_with(&FAST_RECOVERY, &[]).await;
    let backup = path_in(&data, "backup");
    let manifest = back_up_under_load(&data, &store, &backup, engine).await;
    let names: Vec<_> = parse_json(&manifest)["modules"]
        .as_array()
        .expect("modules are a list")
        .iter()
        .map(|entry| entry["module"].clone())
        .collect();
    assert_eq!(names, snapshot_order());
    store.stop().await;
    data.run_command(&["backup", "verify", &backup]).await.expect_success();

    let restored = Data::new(engine).await;
    restored
        .run_command(&["backup", "restore", &backup])
        .await
        .expect_success();
    // The payment provider's ledger lies outside of the store and outlives a restore.
    std::fs::copy(
        data.folder().join("payment-sandbox.jsonl"),
        restored.folder().join("payment-sandbox.jsonl"),
    )
    .expect("the payment sandbox wrote a ledger");
    let before = confirmed_orders(&restored, engine).await;
    assert!(before.len() > 10, "{before:?}");
    let sold = confirmed_orders(&data, engine).await.len();
    assert!(
        before.len() < sold,
        "{} of {sold} orders are in the backup, so nothing was bought afterwards",
        before.len()
    );
    assert_stock_and_payment(&restored, &before).await;
    // The restored store ends the open sagas; the assertion then holds for the newly confirmed orders too.
    let store = restored.serve_with(&FAST_RECOVERY, &[]).await;
    store
        .wait_until("does not end the open sagas", async || open_sagas(&restored).await == 0)
        .await;
    let after = confirmed_orders(&restored, engine).await;
    assert!(after.len() >= before.len());
    assert_stock_and_payment(&restored, &after).await;
    store.stop().await;
}

/// Ids of this store's confirmed orders, as 32 hexadecimal digits.
async fn confirmed_orders(data: &Data, engine: Engine) -> Vec<String> {
    let id = match engine {
        Engine::Sqlite => "lower(hex(id))",
        Engine::Postgres => "replace(CAST(id AS text), '-', '')",
    };
    let columns = format!("{id}, CAST(status AS text) FROM orders WHERE number IS NULL AND status = 'confirmed'");
    select_pairs(data, "orders", &columns).await.into_keys().collect()
}

/// Counts open sagas, except the sagas that only the payment provider can settle: the provider took money after the
/// backup, and the restored payments module has no such payment (RUNBOOK.md, "Data is lost, or wrong").
async fn open_sagas(data: &Data) -> usize {
    let list = data.run_command(&["sagas", "list", "--json"]).await.expect_success();
    let sagas = parse_json(&list);
    let sagas = sagas.as_array().expect("stdout is a list");
    let is_for_the_provider = |saga: &&Value| {
        let failure = saga["failure"].as_str().unwrap_or_default();
        saga["step"] == "void" && failure.contains("there is no payment")
    };
    sagas.iter().filter(|saga| !is_for_the_provider(saga)).count()
}

/// Asserts that each order has a reservation and a payment.
async fn assert_stock_and_payment(data: &Data, orders: &[String]) {
    let reservations = select_pairs(data, "inventory", "reference, CAST(state AS text) FROM reservations").await;
    let payments = select_pairs(data, "payments", "reference, CAST(status AS text) FROM payments").await;
    for id in orders {
        let uuid = u128::from_str_radix(id, 16).expect("an id is hexadecimal");
        let order = orders_api::OrderId::from_uuid(uuid::Uuid::from_u128(uuid));
        let reservation = reservations.get(&format!("{order}.reserve")).map(String::as_str);
        let payment = payments.get(&format!("{order}.authorize")).map(String::as_str);
        assert!(
            matches!(reservation, Some("held" | "committed")),
            "{order}: {reservation:?}"
        );
        assert!(
            matches!(payment, Some("authorized" | "captured")),
            "{order}: {payment:?}"
        );
    }
}

async fn a_restored_idle_store_passes_every_proof(engine: Engine) {
    let data = data_with_sample(engine).await;
    let replay = ["replay", "online-retail", SAMPLE_CSV, "--limit", "20", "--run", "quiet"];
    data.run_command(&replay).await.expect_success();
    let backup = path_in(&data, "backup");
    data.run_command(&["backup", "create", "--to", &backup])
        .await
        .expect_success();
    data.run_command(&["backup", "create", "--to", &backup])
        .await
        .expect_error(1, &["is not empty"]);
    // Orders after the backup are lost by the restore.
    let more = ["replay", "online-retail", SAMPLE_CSV, "--limit", "30", "--run", "more"];
    data.run_command(&more).await.expect_success();
    let sold = confirmed_orders(&data, engine).await.len();
    data.run_command(&["backup", "restore", &backup])
        .await
        .expect_error(1, &["has data in", "--replace"]);
    let dry = data
        .run_command(&["backup", "restore", &backup, "--replace", "--dry-run"])
        .await
        .expect_success();
    assert!(dry.stdout.contains("would be restored"), "{}", dry.stdout);
    assert_eq!(confirmed_orders(&data, engine).await.len(), sold);
    data.run_command(&["backup", "restore", &backup, "--replace"])
        .await
        .expect_success();
    assert!(confirmed_orders(&data, engine).await.len() < sold);
    data.run_command(&["replay", "proofs"]).await.expect_success();
    // The restored store sells again.
    let again = ["replay", "online-retail", SAMPLE_CSV, "--limit", "10", "--run", "again"];
    data.run_command(&again).await.expect_success();
}

async fn a_running_store_is_not_replaced(engine: Engine) {
    let data = data_with_sample(engine).await;
    let store = data.serve_with(&FAST_RECOVERY, &[]).await;
    store.wait_until_ready().await;
    let backup = path_in(&data, "backup");
    data.run_command(&["backup", "create", "--to", &backup])
        .await
        .expect_success();
    let refused = data.run_command(&["backup", "restore", &backup, "--replace"]).await;
    refused.expect_error(1, &["is in use", "stop every process"]);
    store.wait_until_ready().await;
    // Traces of a killed process do not prevent a restore.
    store.kill().await;
    if engine == Engine::Postgres {
        // Postgres notices the lost connections after a moment.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    data.run_command(&["backup", "restore", &backup, "--replace", "--module", "catalog"])
        .await
        .expect_success();
    data.run_command(&["replay", "proofs"]).await.expect_success();
}

/// Runs a command and kills the command after `limit`. Returns whether the command had exited successfully before.
async fn succeeds_within(data: &Data, arguments: &[&str], limit: Duration) -> bool {
    let mut command = data.command(arguments);
    let mut child = command.stdout(Stdio::null()).spawn().expect("the binary starts");
    if let Ok(ended) = tokio::time::timeout(limit, child.wait()).await {
        return ended.expect("the child is waited for").success();
    }
    child.kill().await.expect("the child was not reaped before");
    false
}

async fn killed_backups_and_restores_can_be_repeated(engine: Engine) {
    let seed = env_setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    println!("{engine}: {KILLS} kills each, at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut short_time = || Duration::from_millis(random.random_range(10..400));
    let data = data_with_sample(engine).await;
    let replay = [
        "replay",
        "online-retail",
        SAMPLE_CSV,
        "--limit",
        "20",
        "--run",
        "before",
    ];
    data.run_command(&replay).await.expect_success();
    let sold = confirmed_orders(&data, engine).await;
    for kill in 0..KILLS {
        let to = path_in(&data, &format!("killed-{kill}"));
        let succeeded = succeeds_within(&data, &["backup", "create", "--to", &to], short_time()).await;
        let verified = data.run_command(&["backup", "verify", &to]).await;
        // A kill may come after the last write; a successful backup must be complete.
        assert!(verified.code == Some(0) || !succeeded, "{}", verified.stderr);
    }
    let backup = path_in(&data, "backup");
    data.run_command(&["backup", "create", "--to", &backup])
        .await
        .expect_success();
    let restore = ["backup", "restore", &backup, "--replace"];
    for _ in 0..KILLS {
        succeeds_within(&data, &restore, short_time()).await;
    }
    data.run_command(&restore).await.expect_success();
    assert_eq!(confirmed_orders(&data, engine).await, sold);
    data.run_command(&["replay", "proofs"]).await.expect_success();
    let again = ["replay", "online-retail", SAMPLE_CSV, "--limit", "10", "--run", "again"];
    data.run_command(&again).await.expect_success();
}

#[tokio::test]
async fn a_full_disk_leaves_no_partial_backup() {
    let data = data_with_sample(Engine::Sqlite).await;
    let backup = path_in(&data, "backup");
    let command = data.command(&["backup", "create", "--to", &backup]);
    let command = command.as_std();
    // `ulimit -f` counts blocks of 512 bytes. Without the trap, SIGXFSZ would end a process that exceeds the limit.
    let limited = tokio::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 400 && exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .output();
    let limited = limited.await.expect("the shell starts");
    let stderr = String::from_utf8_lossy(&limited.stderr).into_owned();
    assert_eq!(limited.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("is full: free space there"), "{stderr}");
    assert!(!data.folder().join("backup").exists());
    data.run_command(&["backup", "create", "--to", &backup])
        .await
        .expect_success();
}
