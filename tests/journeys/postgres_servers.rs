//! A store on a Postgres server with the default limit of connections, and on a server that restarts.

use std::time::Duration;

use offshoot_testkit::private_server::PrivateServer;
use offshoot_tests::{Data, Engine, Placement, Store};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Child;

use super::STORE_PERMITS;
use super::interrupted_import::SAMPLE_CSV;
use super::replay::FAST_RECOVERY;

/// Data with the sample on a server of its own.
async fn data_on(server: &PrivateServer) -> Data {
    let mut data = Data::new(Engine::Sqlite).await.with_database(server.url("postgres"));
    for (name, value) in FAST_RECOVERY {
        data = data.with_environment(name, value);
    }
    data.run_command(&["db", "migrate"]).await.expect_success();
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    data
}

fn start_buyers(data: &Data, url: &str, buyers: &str, baskets: &str) -> Child {
    let replay = [
        "replay",
        "online-retail",
        SAMPLE_CSV,
        "--json",
        "--url",
        url,
        "--concurrency",
        buyers,
        "--limit",
        baskets,
    ];
    let mut command = data.command(&replay);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    command.spawn().expect("the binary starts")
}

async fn wait_for_report(buyers: Child, data: &Data) -> Value {
    let output = buyers.wait_with_output().await.expect("the buyers exit");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}\n{}", data.log_text());
    serde_json::from_slice(&output.stdout).expect("stdout is JSON")
}

#[tokio::test]
async fn eight_separate_modules_fit_a_server_with_the_default_limit() {
    let Some(server) = PrivateServer::start(100) else {
        return;
    };
    let _permits = STORE_PERMITS
        .acquire_many(5)
        .await
        .expect("the semaphore is never closed");
    let data = data_on(&server).await;
    let mut superuser = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("a connection");
    let role = AssertSqlSafe("CREATE ROLE administrator LOGIN");
    sqlx::raw_sql(role).execute(&mut superuser).await.expect("a role");
    let store = Store::start(Placement::ModulePerProcess, data).await;
    // Every process has looked for the others.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut buyers = start_buyers(store.data(), store.url(), "32", "200");
    let mut logins = 0;
    while buyers.try_wait().expect("the buyers can be polled").is_none() {
        let login = PgConnection::connect(&server.url_as("administrator", "postgres")).await;
        login
            .expect("an administrator can log in")
            .close()
            .await
            .expect("an answer");
        logins += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let report = wait_for_report(buyers, store.data()).await;
    println!("{}, {logins} logins beside the buyers", report["outcomes"]);
    // On a slow machine a checkout may take longer than its deadline; no connection is the reason.
    let log = store.data().log_text();
    for reason in ["too many clients", "refuses further"] {
        assert!(!log.contains(reason), "{reason}: {report}\n{log}");
    }
    assert!(report["outcomes"]["confirmed"].as_u64() > Some(100), "{report}");
    assert!(log.contains("gives 97 connections: process "), "{log}");
    let doctor = store.data().run_command(&["doctor"]).await;
    assert!(
        doctor.stdout.contains("gives 97 connections: process ") && doctor.stdout.contains(" are left"),
        "{}",
        doctor.stdout
    );
    store.stop().await;
}

#[tokio::test]
async fn a_restart_of_the_server_loses_no_order() {
    let Some(mut server) = PrivateServer::start(60) else {
        return;
    };
    let _permits = STORE_PERMITS.acquire().await.expect("the semaphore is never closed");
    let data = data_on(&server).await;
    let store = Store::start(Placement::OneProcess, data).await;
    let mut buyers = start_buyers(store.data(), store.url(), "8", "120");
    let mut restarts = 0;
    // The buyers buy before each restart, so every restart meets orders in flight.
    while wait_for_orders(&server, 20 * (restarts + 1), &mut buyers).await {
        if restarts % 2 == 0 {
            server.stop();
        } else {
            server.kill();
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        server.start_again();
        restarts += 1;
    }
    assert!(restarts > 0, "the buyers were faster than the restart");
    let report = wait_for_report(buyers, store.data()).await;
    println!(
        "{restarts} restarts, {} repeats, {}",
        report["repeats"], report["outcomes"]
    );
    store.stop().await;
}

/// Waits until the store has so many orders. `false` if the buyers have ended before.
async fn wait_for_orders(server: &PrivateServer, count: i64, buyers: &mut Child) -> bool {
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("the server answers");
    loop {
        if buyers.try_wait().expect("the buyers can be polled").is_some() {
            return false;
        }
        let (orders,): (i64,) = sqlx::query_as("SELECT count(*) FROM orders.orders WHERE cart_id IS NOT NULL")
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        if orders >= count {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
