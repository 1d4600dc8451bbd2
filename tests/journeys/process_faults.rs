//! Faults of module processes while baskets are bought: kills, rolling restarts, invalid responses. Calls to other
//! modules keep succeeding, affected calls fail with a known code, recovery needs no operator, and every proof holds.

use std::process::Stdio;
use std::time::{Duration, Instant};

use offshoot_tests::{Client, Data, Engine, Fault, FaultyProxy, Process, with_callees};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use super::interrupted_import::{SAMPLE_CSV, env_setting};
use super::replay::{FAST_RECOVERY, assert_ledger_matches_revenue};

on_both_engines! {
    a_repeatedly_killed_module_loses_nothing,
    a_repeatedly_killed_caller_loses_nothing,
    a_rolling_restart_of_two_replicas_fails_no_request,
    invalid_responses_of_one_module_do_not_affect_other_modules,
}

/// Kills of each module.
const KILLS: u32 = 2;
/// Rounds of replays during which both replicas of a module are restarted.
const ROUNDS: usize = 2;
/// The problem codes that a caller may receive for a faulty module.
const EXPECTED_CODES: [&str; 6] = [
    "unavailable",
    "timeout",
    "connection-lost",
    "bad-answer",
    "wrong-contract",
    "overloaded",
];

/// The long suite sets `OFFSHOOT_KILLS`, which is divided by the number of modules.
fn kills() -> u32 {
    env_setting("OFFSHOOT_KILLS").map_or(KILLS, |kills: u32| (kills / 5).max(KILLS))
}

async fn data_with_sample(engine: Engine) -> Data {
    let data = Data::new(engine).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    data
}

/// Starts eight concurrent buyers at `store`.
fn start_buyers(data: &Data, store: &Process, run: &str, limit: &str) -> tokio::process::Child {
    let replay = [
        "replay",
        "online-retail",
        SAMPLE_CSV,
        "--run",
        run,
        "--limit",
        limit,
        "--json",
        "--url",
        store.url(),
    ];
    let mut command = data.command(&replay);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

/// Waits for the buyers and returns the report. The exit code says that every proof holds.
async fn wait_for_report(buyers: tokio::process::Child) -> Value {
    let output = buyers.wait_with_output().await.expect("the buyers exit");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    serde_json::from_str(&stdout).expect("stdout is JSON")
}

/// Serves a module in a process of its own, together with the modules that the module calls.
async fn serve_separately(data: &Data, module: &str, address: &str) -> Process {
    // The callees run in the same process on the same data, and serve no other process.
    let only = with_callees(module).join(",");
    data.serve_with(&FAST_RECOVERY, &["--only", &only, "--listen", address])
        .await
}

async fn a_repeatedly_killed_module_loses_nothing(engine: Engine) {
    let seed = env_setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = kills();
    println!("{engine}: kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = data_with_sample(engine).await;
    for module in with_callees("orders") {
        let mut process = serve_separately(&data, module, "127.0.0.1:0").await;
        let address = process.address().to_owned();
        let remote = format!("{module}=http://{address}");
        let front = data.serve_with(&FAST_RECOVERY, &["--remote", &remote]).await;
        front.wait_until_ready().await;
        let (mut killed, mut round) = (0, 0);
        while killed < kills {
            round += 1;
            let mut buyers = start_buyers(&data, &front, &format!("{module}-{round}"), "80");
            while killed < kills && buyers.try_wait().expect("the buyers can be polled").is_none() {
                tokio::time::sleep(Duration::from_millis(random.random_range(50..700))).await;
                process.kill().await;
                killed += 1;
                tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
                process = serve_separately(&data, module, &address).await;
            }
            let report = wait_for_report(buyers).await;
            println!(
                "{engine}: {module} killed {killed} times, {} repeats",
                report["repeats"]
            );
        }
        assert_ledger_matches_revenue(&data, &front).await;
        front.stop().await;
        process.stop().await;
    }
}

async fn a_repeatedly_killed_caller_loses_nothing(engine: Engine) {
    let seed = env_setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = kills();
    println!("{engine}: {kills} kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = data_with_sample(engine).await;
    let modules = [
        serve_separately(&data, "inventory", "127.0.0.1:0").await,
        serve_separately(&data, "payments", "127.0.0.1:0").await,
    ];
    let remotes = [("inventory", &modules[0]), ("payments", &modules[1])];
    let [inventory, payments] = remotes.map(|(name, process)| format!("{name}={}", process.url()));
    let remote = ["--remote", inventory.as_str(), "--remote", payments.as_str()];
    let mut front = data.serve_with(&FAST_RECOVERY, &remote).await;
    let address = front.address().to_owned();
    let again = [&remote[..], &["--listen", &address]].concat();
    let (mut killed, mut round) = (0, 0);
    while killed < kills {
        round += 1;
        let mut buyers = start_buyers(&data, &front, &format!("caller-{round}"), "80");
        while killed < kills && buyers.try_wait().expect("the buyers can be polled").is_none() {
            tokio::time::sleep(Duration::from_millis(random.random_range(50..700))).await;
            front.kill().await;
            killed += 1;
            front = data.serve_with(&FAST_RECOVERY, &again).await;
        }
        let report = wait_for_report(buyers).await;
        println!(
            "{engine}: the caller killed {killed} times, {} repeats",
            report["repeats"]
        );
    }
    assert_ledger_matches_revenue(&data, &front).await;
    front.stop().await;
    for module in modules {
        module.stop().await;
    }
}

async fn a_rolling_restart_of_two_replicas_fails_no_request(engine: Engine) {
    let data = data_with_sample(engine).await;
    for module in ["catalog", "inventory", "orders"] {
        let mut replicas = Vec::new();
        for _ in 0..2 {
            replicas.push(serve_separately(&data, module, "127.0.0.1:0").await);
        }
        let remotes: Vec<_> = replicas
            .iter()
            .map(|replica| format!("{module}={}", replica.url()))
            .collect();
        let front = data
            .serve_with(&FAST_RECOVERY, &["--remote", &remotes[0], "--remote", &remotes[1]])
            .await;
        front.wait_until_ready().await;
        let mut restarts = 0;
        for round in 0..ROUNDS {
            let mut buyers = start_buyers(&data, &front, &format!("{module}-{round}"), "150");
            while buyers.try_wait().expect("the buyers can be polled").is_none() && restarts < 4 * (round + 1) {
                let replica = replicas.remove(0);
                let address = replica.address().to_owned();
                replica.stop().await;
                let replica = serve_separately(&data, module, &address).await;
                replica.wait_until_ready().await;
                replicas.push(replica);
                restarts += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let report = wait_for_report(buyers).await;
            let log = std::fs::read_to_string(data.folder().join("process.log")).unwrap_or_default();
            assert_eq!(report["repeats"], 0, "a request was repeated: {report}\n{log}");
        }
        println!("{engine}: {restarts} restarts of {module}");
        assert!(restarts >= 2, "{module} was restarted only {restarts} times");
        front.stop().await;
        for replica in replicas {
            replica.stop().await;
        }
    }
    data.run_command(&["replay", "proofs"]).await.expect_success();
}

async fn invalid_responses_of_one_module_do_not_affect_other_modules(engine: Engine) {
    let data = data_with_sample(engine).await;
    let inventory = data.serve_with(&FAST_RECOVERY, &["--only", "inventory"]).await;
    let proxy = FaultyProxy::in_front_of(inventory.address()).await;
    let remote = format!("inventory={}", proxy.url);
    let front = data.serve_with(&FAST_RECOVERY, &["--remote", &remote]).await;
    front.wait_until_ready().await;
    let client = Client::new(front.url());
    let products = client.get("/api/v1/products?page_size=1").await.expect(200);
    let product = products["items"][0]["id"]
        .as_str()
        .expect("the sample has a product")
        .to_owned();
    let stock = format!("/api/v1/products/{product}/stock");
    for (index, fault) in [Fault::None].into_iter().chain(Fault::ALL).enumerate() {
        let buyers = start_buyers(&data, &front, &format!("fault-{index}"), "10");
        proxy.fault.send_replace(fault);
        let affected = async {
            // A silent server delays each call until the request's deadline, so two calls suffice.
            let calls = if fault == Fault::Silent { 2 } else { 12 };
            for _ in 0..calls {
                let response = client.get(&stock).await;
                if matches!(fault, Fault::None | Fault::Slow(_)) {
                    response.expect(200);
                } else {
                    assert!(response.status >= 500, "{fault:?}: {}", response.text);
                    let problem = response.expect(response.status);
                    assert!(
                        EXPECTED_CODES.contains(&problem["code"].as_str().unwrap_or_default()),
                        "{fault:?}: {problem}"
                    );
                }
            }
        };
        let mut durations = Vec::new();
        let unaffected = async {
            for _ in 0..100 {
                let asked = Instant::now();
                client.get("/api/v1/products?page_size=5").await.expect(200);
                client.send(client.request("POST", "/api/v1/carts")).await.expect(201);
                durations.push(asked.elapsed());
            }
        };
        tokio::join!(affected, unaffected);
        proxy.fault.send_replace(Fault::None);
        front
            .wait_until("has not recovered", async || client.get(&stock).await.status == 200)
            .await;
        let report = wait_for_report(buyers).await;
        durations.sort_unstable();
        println!(
            "{engine}: {fault:?}: {} repeats, {}; requests without the inventory took {:?}, at most {:?}",
            report["repeats"],
            report["outcomes"],
            durations[durations.len() / 2],
            durations[durations.len() - 1]
        );
    }
    assert_ledger_matches_revenue(&data, &front).await;
    front.stop().await;
    inventory.stop().await;
}
