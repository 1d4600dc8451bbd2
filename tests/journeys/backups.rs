//! A store backed up while it is bought from, and put back: what its snapshots have in common although they were taken one
//! after the other.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use offshoot_tests::{Data, Engine, Finished, Process};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::interrupted_import::{SAMPLE, setting};
use super::replaying::QUICK;

on_both_engines! {
    a_backup_of_a_busy_store_has_every_confirmed_order_with_its_goods_and_money,
    a_quiet_store_that_is_restored_proves_all_that_it_did_before,
    a_store_that_runs_is_not_replaced,
    what_is_killed_on_the_way_is_done_again,
}

/// How often a backup and a restore are killed.
const KILLS: u32 = 4;

/// Who hears before whom is heard, who calls before who is called: what one knows, the next has.
const IN_TURN: [&str; 8] = [
    "reporting",
    "notifications",
    "storefront",
    "orders",
    "payments",
    "carts",
    "inventory",
    "catalog",
];

async fn filled(engine: Engine) -> Data {
    let data = Data::new(engine).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    data
}

fn path(data: &Data, name: &str) -> String {
    data.folder().join(name).display().to_string()
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("no JSON, {error}: {}", finished.stdout))
}

/// Two texts of each row of a module's table, behind the store's back.
async fn pairs(data: &Data, module: &str, columns: &str) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> = match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("the server is there");
            let sql = AssertSqlSafe(format!("SELECT {columns}").replace("FROM ", &format!("FROM {module}.")));
            sqlx::query_as(sql).fetch_all(&mut connection).await.expect("it runs")
        }
        None => {
            let url = format!("sqlite:{}", data.folder().join(format!("{module}.db")).display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the file is there");
            let sql = AssertSqlSafe(format!("SELECT {columns}"));
            sqlx::query_as(sql).fetch_all(&mut connection).await.expect("it runs")
        }
    };
    rows.into_iter().collect()
}

/// Answers what the backup says of itself.
async fn backed_up_while_bought_from(data: &Data, store: &Process, backup: &str, engine: Engine) -> Finished {
    // However fast the store is, it is bought from until the backup is there.
    let done = Cell::new(false);
    let buying = async {
        for run in (0..).map(|run| format!("busy-{run}")) {
            let replay = [
                "replay",
                "online-retail",
                SAMPLE,
                "--url",
                store.url(),
                "--limit",
                "150",
                "--run",
                &run,
            ];
            data.run(&replay).await.expect_success();
            if done.get() {
                break;
            }
        }
    };
    let backing_up = async {
        store
            .eventually("sells nothing", async || confirmed(data, engine).await.len() > 10)
            .await;
        let manifest = data.run(&["backup", "create", "--to", backup, "--json"]).await;
        done.set(true);
        manifest.expect_success()
    };
    let ((), manifest) = tokio::join!(buying, backing_up);
    manifest
}

async fn a_backup_of_a_busy_store_has_every_confirmed_order_with_its_goods_and_money(engine: Engine) {
    let data = filled(engine).await;
    let store = data.serve_with(&QUICK, &[]).await;
    let backup = path(&data, "backup");
    let manifest = backed_up_while_bought_from(&data, &store, &backup, engine).await;
    let names: Vec<_> = json(&manifest)["modules"]
        .as_array()
        .expect("modules")
        .iter()
        .map(|one| one["module"].clone())
        .collect();
    assert_eq!(names, IN_TURN);
    store.stop().await;
    data.run(&["backup", "verify", &backup]).await.expect_success();

    let restored = Data::new(engine).await;
    restored.run(&["backup", "restore", &backup]).await.expect_success();
    // What the payment provider did is not the store's to restore.
    std::fs::copy(
        data.folder().join("payment-sandbox.jsonl"),
        restored.folder().join("payment-sandbox.jsonl"),
    )
    .expect("the sandbox has a ledger");
    let before = confirmed(&restored, engine).await;
    assert!(before.len() > 10, "{before:?}");
    let sold = confirmed(&data, engine).await.len();
    assert!(
        before.len() < sold,
        "of {sold} orders {} were in the backup: nothing was bought after it",
        before.len()
    );
    holds_of_each(&restored, &before).await;
    // Those that were under way are brought to their end, and then it holds of them too.
    let store = restored.serve_with(&QUICK, &[]).await;
    store
        .eventually("does not end what was under way", async || {
            open_sagas(&restored).await == 0
        })
        .await;
    let after = confirmed(&restored, engine).await;
    assert!(after.len() >= before.len());
    holds_of_each(&restored, &after).await;
    store.stop().await;
}

/// Ids of the orders of this store that are confirmed, as their references begin.
async fn confirmed(data: &Data, engine: Engine) -> Vec<String> {
    let id = match engine {
        Engine::Sqlite => "lower(hex(id))",
        Engine::Postgres => "replace(CAST(id AS text), '-', '')",
    };
    let columns = format!("{id}, CAST(status AS text) FROM orders WHERE number IS NULL AND status = 'confirmed'");
    pairs(data, "orders", &columns).await.into_keys().collect()
}

/// Those that are under way, but for what only the provider can settle: it took money after the backup of which the restored
/// payments know nothing, and the saga says so (RUNBOOK.md, "Data is lost, or wrong").
async fn open_sagas(data: &Data) -> usize {
    let list = data.run(&["sagas", "list", "--json"]).await.expect_success();
    let sagas = json(&list);
    let sagas = sagas.as_array().expect("a list");
    let is_for_the_provider = |saga: &&Value| {
        let failure = saga["failure"].as_str().unwrap_or_default();
        saga["step"] == "void" && failure.contains("there is no payment")
    };
    sagas.iter().filter(|saga| !is_for_the_provider(saga)).count()
}

/// No confirmed order without its reservation and its payment.
async fn holds_of_each(data: &Data, orders: &[String]) {
    let reservations = pairs(data, "inventory", "reference, CAST(state AS text) FROM reservations").await;
    let payments = pairs(data, "payments", "reference, CAST(status AS text) FROM payments").await;
    for id in orders {
        let uuid = u128::from_str_radix(id, 16).expect("an id is hexadecimal");
        let order = orders_api::OrderId::from_uuid(uuid::Uuid::from_u128(uuid));
        let goods = reservations.get(&format!("{order}.reserve")).map(String::as_str);
        let money = payments.get(&format!("{order}.authorize")).map(String::as_str);
        assert!(matches!(goods, Some("held" | "committed")), "{order}: {goods:?}");
        assert!(matches!(money, Some("authorized" | "captured")), "{order}: {money:?}");
    }
}

async fn a_quiet_store_that_is_restored_proves_all_that_it_did_before(engine: Engine) {
    let data = filled(engine).await;
    let replay = ["replay", "online-retail", SAMPLE, "--limit", "20", "--run", "quiet"];
    data.run(&replay).await.expect_success();
    let backup = path(&data, "backup");
    data.run(&["backup", "create", "--to", &backup]).await.expect_success();
    data.run(&["backup", "create", "--to", &backup])
        .await
        .expect_error(1, &["is not empty"]);
    // What is sold after the backup is gone with it.
    let more = ["replay", "online-retail", SAMPLE, "--limit", "30", "--run", "more"];
    data.run(&more).await.expect_success();
    let sold = confirmed(&data, engine).await.len();
    data.run(&["backup", "restore", &backup])
        .await
        .expect_error(1, &["has data in", "--replace"]);
    let dry = data
        .run(&["backup", "restore", &backup, "--replace", "--dry-run"])
        .await
        .expect_success();
    assert!(dry.stdout.contains("would be restored"), "{}", dry.stdout);
    assert_eq!(confirmed(&data, engine).await.len(), sold);
    data.run(&["backup", "restore", &backup, "--replace"])
        .await
        .expect_success();
    assert!(confirmed(&data, engine).await.len() < sold);
    data.run(&["replay", "proofs"]).await.expect_success();
    // And it goes on selling.
    let again = ["replay", "online-retail", SAMPLE, "--limit", "10", "--run", "again"];
    data.run(&again).await.expect_success();
}

async fn a_store_that_runs_is_not_replaced(engine: Engine) {
    let data = filled(engine).await;
    let store = data.serve_with(&QUICK, &[]).await;
    store.ready().await;
    let backup = path(&data, "backup");
    data.run(&["backup", "create", "--to", &backup]).await.expect_success();
    let refused = data.run(&["backup", "restore", &backup, "--replace"]).await;
    refused.expect_error(1, &["is worked on", "stop every process"]);
    store.ready().await;
    // One that was killed has left traces, and is no obstacle.
    store.kill().await;
    if engine == Engine::Postgres {
        // The server notices a moment later.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    data.run(&["backup", "restore", &backup, "--replace", "--module", "catalog"])
        .await
        .expect_success();
    data.run(&["replay", "proofs"]).await.expect_success();
}

/// Runs a command and kills it after so long. Whether it had ended by then, and well.
async fn ends_within(data: &Data, arguments: &[&str], patience: Duration) -> bool {
    let mut command = data.command(arguments);
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary can be started");
    if let Ok(ended) = tokio::time::timeout(patience, child.wait()).await {
        return ended.expect("it can be asked").success();
    }
    child.kill().await.expect("nobody else ended it");
    false
}

async fn what_is_killed_on_the_way_is_done_again(engine: Engine) {
    let seed = setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    println!("{engine}: {KILLS} kills each, at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut soon = || Duration::from_millis(random.random_range(10..400));
    let data = filled(engine).await;
    let replay = ["replay", "online-retail", SAMPLE, "--limit", "20", "--run", "before"];
    data.run(&replay).await.expect_success();
    let sold = confirmed(&data, engine).await;
    for kill in 0..KILLS {
        let to = path(&data, &format!("killed-{kill}"));
        let is_whole = ends_within(&data, &["backup", "create", "--to", &to], soon()).await;
        let verified = data.run(&["backup", "verify", &to]).await;
        // It may have been killed when all was done; but what has ended well is whole.
        assert!(verified.code == Some(0) || !is_whole, "{}", verified.stderr);
    }
    let backup = path(&data, "backup");
    data.run(&["backup", "create", "--to", &backup]).await.expect_success();
    let restore = ["backup", "restore", &backup, "--replace"];
    for _ in 0..KILLS {
        ends_within(&data, &restore, soon()).await;
    }
    data.run(&restore).await.expect_success();
    assert_eq!(confirmed(&data, engine).await, sold);
    data.run(&["replay", "proofs"]).await.expect_success();
    let again = ["replay", "online-retail", SAMPLE, "--limit", "10", "--run", "again"];
    data.run(&again).await.expect_success();
}

#[tokio::test]
async fn a_full_disk_leaves_no_backup() {
    let data = filled(Engine::Sqlite).await;
    let backup = path(&data, "backup");
    let command = data.command(&["backup", "create", "--to", &backup]);
    let command = command.as_std();
    // In blocks of 512 bytes; without the trap, the kernel would end a process that writes more.
    let limited = tokio::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 400 && exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .output();
    let limited = limited.await.expect("there is a shell");
    let told = String::from_utf8_lossy(&limited.stderr).into_owned();
    assert_eq!(limited.status.code(), Some(1), "{told}");
    assert!(told.contains("is full: free space there"), "{told}");
    assert!(!data.folder().join("backup").exists());
    data.run(&["backup", "create", "--to", &backup]).await.expect_success();
}
