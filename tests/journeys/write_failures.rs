//! Modules that can read and not write: the operators' readiness says so, with the reason, and reads go on.

use offshoot_tests::{Client, Data, Engine, Process};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::process::Command;

use super::metrics::{connect_file, scrape};

on_both_engines! {
    a_lock_that_no_write_gets_is_shown,
}

/// Heartbeats find a failure within a second.
const FAST: (&str, &str) = ("OFFSHOOT__JOBS__SILENCE", "1s");

/// What the readiness says about a module.
async fn readiness(data: &Data, store: &Process, module: &str) -> Value {
    let operator = Client::new(store.url()).with_token(data.operator_token());
    let answer = operator.get("/admin/readiness").await;
    // The status is 503 for a moment when sessions end.
    let readiness = answer.expect(answer.status);
    let modules = readiness["modules"].as_array().expect("a list of modules");
    let found = modules.iter().find(|found| found["name"] == module);
    found.expect("the module is listed").clone()
}

/// Waits until the module cannot write for a reason with this part, while the process stays ready.
async fn wait_for_failure(data: &Data, store: &Process, module: &str, part: &str) {
    let is_seen = async || {
        let readiness = readiness(data, store, module).await;
        let reason = readiness["write_failure"].as_str().unwrap_or_default();
        readiness["writable"] == json!(false) && reason.contains(part)
    };
    store
        .wait_until(&format!("shows no `{part}` of {module}"), is_seen)
        .await;
    assert_eq!(readiness(data, store, module).await["ready"], true);
    assert_eq!(Client::new(store.url()).get("/health/ready").await.status, 200);
    let metrics = scrape(data, store.url()).await;
    assert!(
        metrics.contains(&format!("offshoot_writable{{module=\"{module}\"}} 0")),
        "{metrics}"
    );
}

async fn wait_until_writable(data: &Data, store: &Process, module: &str) {
    let is_writable = async || readiness(data, store, module).await["writable"] == true;
    store
        .wait_until(&format!("{module} stays read-only"), is_writable)
        .await;
}

async fn a_lock_that_no_write_gets_is_shown(engine: Engine) {
    let data = Data::new(engine).await;
    let store = data.serve_with(&[FAST], &[]).await;
    store.wait_until_ready().await;
    wait_until_writable(&data, &store, "carts").await;
    match data.database() {
        Some(url) => {
            let mut holder = PgConnection::connect(url).await.expect("Postgres answers");
            let lock = "BEGIN; LOCK TABLE carts.offshoot_replicas IN EXCLUSIVE MODE";
            holder.execute(lock).await.expect("no transaction is long");
            wait_for_failure(&data, &store, "carts", "holds the lock").await;
            holder.execute("ROLLBACK").await.expect("the lock is released");
        }
        None => {
            let mut holder = connect_file(&data, "carts").await;
            let locked = holder.execute("BEGIN EXCLUSIVE").await;
            locked.expect("no transaction is long");
            wait_for_failure(&data, &store, "carts", "holds the lock").await;
            holder.execute("ROLLBACK").await.expect("the lock is released");
        }
    }
    assert_eq!(readiness(&data, &store, "catalog").await["writable"], true);
    wait_until_writable(&data, &store, "carts").await;
    store.stop().await;
}

#[tokio::test]
async fn a_full_disk_is_shown() {
    let data = Data::new(Engine::Sqlite).await;
    // Without the trap, SIGXFSZ would end the process.
    let store = data.serve_under("trap '' XFSZ", &[FAST], &[]).await;
    store.wait_until_ready().await;
    wait_until_writable(&data, &store, "carts").await;
    let limit = async |bytes: &str| {
        let limit = [format!("--fsize={bytes}:"), "--pid".to_owned(), store.id().to_string()];
        let limited = Command::new("prlimit").args(limit).status().await;
        assert!(limited.expect("util-linux is installed").success());
    };
    limit("1024").await;
    wait_for_failure(&data, &store, "carts", "disk").await;
    limit("unlimited").await;
    wait_until_writable(&data, &store, "carts").await;
    store.stop().await;
}
