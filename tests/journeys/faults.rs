//! Baskets bought while a module in another process is killed, restarted or answers nonsense: what does not need it goes on,
//! what needs it is told, both by themselves are well again, and every proof holds.

use std::process::Stdio;
use std::time::{Duration, Instant};

use offshoot_tests::{Client, Data, Engine, Fault, FaultyProxy, Process, SELLING};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use super::interrupted_import::{SAMPLE, setting};
use super::replaying::{QUICK, ledger_agrees};

on_both_engines! {
    a_module_that_is_killed_again_and_again_loses_nothing,
    a_caller_that_is_killed_again_and_again_loses_nothing,
    two_replicas_that_are_restarted_in_turn_fail_no_request,
    a_module_that_answers_nonsense_harms_nobody_else,
}

/// How often each module is killed.
const KILLS: u32 = 2;
/// Rounds in which both replicas of every module are restarted.
const ROUNDS: usize = 2;
/// What a caller may be told of a module that does not answer as it should.
const TOLD: [&str; 6] = [
    "unavailable",
    "timeout",
    "connection-lost",
    "bad-answer",
    "wrong-contract",
    "overloaded",
];

/// The long run has many more, divided over the modules.
fn kills() -> u32 {
    setting("OFFSHOOT_KILLS").map_or(KILLS, |kills: u32| (kills / 5).max(KILLS))
}

async fn filled(engine: Engine) -> Data {
    let data = Data::new(engine).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    data
}

/// Buys baskets at `store`, eight at once.
fn buying(data: &Data, store: &Process, run: &str, limit: &str) -> tokio::process::Child {
    let replay = [
        "replay",
        "online-retail",
        SAMPLE,
        "--run",
        run,
        "--limit",
        limit,
        "--json",
        "--url",
        store.url(),
    ];
    let mut buying = data.command(&replay);
    buying.stdout(Stdio::piped()).stderr(Stdio::piped());
    buying.spawn().expect("the binary can be started")
}

/// Waits for the buyers, and answers what became of their baskets; every proof holds.
async fn bought(buying: tokio::process::Child) -> Value {
    let output = buying.wait_with_output().await.expect("it ends");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    serde_json::from_str(&stdout).expect("it is JSON")
}

/// The one module apart, after those that it calls in this process's own.
async fn serve_apart(data: &Data, module: &str, address: &str) -> Process {
    // What it calls runs in its process too, on the same data, and serves nobody else.
    let only = match module {
        "carts" => "carts,catalog".to_owned(),
        "orders" => SELLING.join(","),
        _ => module.to_owned(),
    };
    data.serve_with(&QUICK, &["--only", &only, "--listen", address]).await
}

async fn a_module_that_is_killed_again_and_again_loses_nothing(engine: Engine) {
    let seed = setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = kills();
    println!("{engine}: kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = filled(engine).await;
    for module in SELLING {
        let mut process = serve_apart(&data, module, "127.0.0.1:0").await;
        let address = process.address().to_owned();
        let remote = format!("{module}=http://{address}");
        let front = data.serve_with(&QUICK, &["--remote", &remote]).await;
        front.ready().await;
        let (mut killed, mut round) = (0, 0);
        while killed < kills {
            round += 1;
            let mut buying = buying(&data, &front, &format!("{module}-{round}"), "80");
            while killed < kills && buying.try_wait().expect("it can be asked").is_none() {
                tokio::time::sleep(Duration::from_millis(random.random_range(50..700))).await;
                process.kill().await;
                killed += 1;
                tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
                process = serve_apart(&data, module, &address).await;
            }
            let report = bought(buying).await;
            println!(
                "{engine}: {module} killed {killed} times, {} repeats",
                report["repeats"]
            );
        }
        ledger_agrees(&data, &front).await;
        front.stop().await;
        process.stop().await;
    }
}

async fn a_caller_that_is_killed_again_and_again_loses_nothing(engine: Engine) {
    let seed = setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = kills();
    println!("{engine}: {kills} kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = filled(engine).await;
    let modules = [
        serve_apart(&data, "inventory", "127.0.0.1:0").await,
        serve_apart(&data, "payments", "127.0.0.1:0").await,
    ];
    let remotes = [("inventory", &modules[0]), ("payments", &modules[1])];
    let [inventory, payments] = remotes.map(|(name, process)| format!("{name}={}", process.url()));
    let remote = ["--remote", inventory.as_str(), "--remote", payments.as_str()];
    let mut front = data.serve_with(&QUICK, &remote).await;
    let address = front.address().to_owned();
    let again = [&remote[..], &["--listen", &address]].concat();
    let (mut killed, mut round) = (0, 0);
    while killed < kills {
        round += 1;
        let mut buying = buying(&data, &front, &format!("caller-{round}"), "80");
        while killed < kills && buying.try_wait().expect("it can be asked").is_none() {
            tokio::time::sleep(Duration::from_millis(random.random_range(50..700))).await;
            front.kill().await;
            killed += 1;
            front = data.serve_with(&QUICK, &again).await;
        }
        let report = bought(buying).await;
        println!(
            "{engine}: the caller killed {killed} times, {} repeats",
            report["repeats"]
        );
    }
    ledger_agrees(&data, &front).await;
    front.stop().await;
    for module in modules {
        module.stop().await;
    }
}

async fn two_replicas_that_are_restarted_in_turn_fail_no_request(engine: Engine) {
    let data = filled(engine).await;
    for module in ["catalog", "inventory", "orders"] {
        let mut replicas = Vec::new();
        for _ in 0..2 {
            replicas.push(serve_apart(&data, module, "127.0.0.1:0").await);
        }
        let remotes: Vec<_> = replicas.iter().map(|it| format!("{module}={}", it.url())).collect();
        let front = data
            .serve_with(&QUICK, &["--remote", &remotes[0], "--remote", &remotes[1]])
            .await;
        front.ready().await;
        let mut restarts = 0;
        for round in 0..ROUNDS {
            let mut buying = buying(&data, &front, &format!("{module}-{round}"), "150");
            while buying.try_wait().expect("it can be asked").is_none() && restarts < 4 * (round + 1) {
                let replica = replicas.remove(0);
                let address = replica.address().to_owned();
                replica.stop().await;
                let replica = serve_apart(&data, module, &address).await;
                replica.ready().await;
                replicas.push(replica);
                restarts += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let report = bought(buying).await;
            let log = std::fs::read_to_string(data.folder().join("process.log")).unwrap_or_default();
            assert_eq!(report["repeats"], 0, "a request had to be asked again: {report}\n{log}");
        }
        println!("{engine}: {restarts} restarts of {module}");
        assert!(restarts >= 2, "each was restarted while baskets were bought");
        front.stop().await;
        for replica in replicas {
            replica.stop().await;
        }
    }
    data.run(&["replay", "proofs"]).await.expect_success();
}

async fn a_module_that_answers_nonsense_harms_nobody_else(engine: Engine) {
    let data = filled(engine).await;
    let inventory = data.serve_with(&QUICK, &["--only", "inventory"]).await;
    let proxy = FaultyProxy::before(inventory.address()).await;
    let remote = format!("inventory={}", proxy.url);
    let front = data.serve_with(&QUICK, &["--remote", &remote]).await;
    front.ready().await;
    let client = Client::new(front.url());
    let products = client.get("/api/v1/products?page_size=1").await.expect(200);
    let product = products["items"][0]["id"]
        .as_str()
        .expect("there is a product")
        .to_owned();
    let stock = format!("/api/v1/products/{product}/stock");
    for (place, fault) in [Fault::None].into_iter().chain(Fault::ALL).enumerate() {
        let buying = buying(&data, &front, &format!("fault-{place}"), "10");
        proxy.fault.send_replace(fault);
        let affected = async {
            // Who is silent is waited for as long as the request may take.
            let calls = if fault == Fault::Silent { 2 } else { 12 };
            for _ in 0..calls {
                let answer = client.get(&stock).await;
                if matches!(fault, Fault::None | Fault::Slow(_)) {
                    answer.expect(200);
                } else {
                    assert!(answer.status >= 500, "{fault:?}: {}", answer.text);
                    let problem = answer.expect(answer.status);
                    assert!(
                        TOLD.contains(&problem["code"].as_str().unwrap_or_default()),
                        "{fault:?}: {problem}"
                    );
                }
            }
        };
        let mut took = Vec::new();
        let unaffected = async {
            for _ in 0..100 {
                let asked = Instant::now();
                client.get("/api/v1/products?page_size=5").await.expect(200);
                client.send(client.request("POST", "/api/v1/carts")).await.expect(201);
                took.push(asked.elapsed());
            }
        };
        tokio::join!(affected, unaffected);
        proxy.fault.send_replace(Fault::None);
        front
            .eventually("is not well again", async || client.get(&stock).await.status == 200)
            .await;
        let report = bought(buying).await;
        took.sort_unstable();
        println!(
            "{engine}: {fault:?}: {} repeats, {}; what needs no inventory took {:?}, at most {:?}",
            report["repeats"],
            report["outcomes"],
            took[took.len() / 2],
            took[took.len() - 1]
        );
    }
    ledger_agrees(&data, &front).await;
    front.stop().await;
    inventory.stop().await;
}
