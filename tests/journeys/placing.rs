//! Where modules run is changed while the store works, and nobody notices.

use std::time::Duration;

use offshoot_tests::{Client, Data, Engine, MODULES, Process, SELLING};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use super::interrupted_import::{SAMPLE, setting};

on_both_engines! {
    a_thousand_changes_of_place_drop_and_fail_no_call,
    only_operators_change_places_and_only_to_those_that_are_known,
}

const CHANGES: usize = 1_000;
/// A machine that changes places fast compared to how it sells has to sell for longer, or shares say little.
const RUNS: usize = 4;
/// Of the calls of a module, either side executes at least this share.
const SHARE: f64 = 0.3;

/// A store that serves contracts, and another one on the same data that may call them there.
async fn two_processes(data: &Data) -> (Process, Process) {
    let other = data.serve(&[]).await;
    other.ready().await;
    let urls: Vec<_> = MODULES
        .iter()
        .map(|module| format!("{module}={}", other.url()))
        .collect();
    let flags: Vec<_> = urls.iter().flat_map(|url| ["--urls", url.as_str()]).collect();
    let front = data.serve(&flags).await;
    front.ready().await;
    (other, front)
}

async fn place(client: &Client, token: &str, module: &str, place: &str) -> Value {
    let path = format!("/admin/placement/{module}");
    let request = client.request("PUT", &path).bearer_auth(token);
    client
        .send(request.json(&json!({ "placement": place })))
        .await
        .expect(200)
}

async fn a_thousand_changes_of_place_drop_and_fail_no_call(engine: Engine) {
    let data = Data::new(engine).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    let (other, front) = two_processes(&data).await;
    let (client, token) = (Client::new(front.url()), data.operator_token());
    let seed = setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    println!("{engine}: changes drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut away = [false; MODULES.len()];
    let mut changes = 0;
    let mut run = 0;
    while changes < CHANGES || run < RUNS {
        run += 1;
        let run = run.to_string();
        let replay = [
            "replay",
            "online-retail",
            SAMPLE,
            "--limit",
            "150",
            "--concurrency",
            "32",
            "--json",
        ];
        let mut replay = replay.to_vec();
        replay.extend(["--url", front.url(), "--run", &run, "--seed", &run]);
        let buying = data.run(&replay);
        let changing = async {
            // Each module there and back on its own, as long as baskets are bought: callers and callees apart and together.
            loop {
                let module = random.random_range(0..MODULES.len());
                away[module] = !away[module];
                let to = if away[module] { "remote" } else { "local" };
                assert_eq!(place(&client, &token, MODULES[module], to).await["placement"], to);
                changes += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let bought = tokio::select! { bought = buying => bought, () = changing => unreachable!("it has no end") };
        let report: Value = serde_json::from_str(&bought.expect_success().stdout).expect("it is JSON");
        // Nothing had to be asked twice, and every proof holds.
        assert_eq!(report["repeats"], 0, "{report}");
    }
    println!("{engine}: {changes} changes during {run} replays");
    for module in SELLING {
        let now = place(&client, &token, module, "remote").await;
        let all = now["calls"].as_f64().expect("a number");
        let there = now["endpoints"][0]["calls"].as_f64().expect("a number");
        let share = there / all;
        assert!(
            (SHARE..1.0 - SHARE).contains(&share),
            "{module}: {share} of {all} calls"
        );
    }
    front.stop().await;
    other.stop().await;
}

async fn only_operators_change_places_and_only_to_those_that_are_known(engine: Engine) {
    let data = Data::new(engine).await;
    let (other, front) = two_processes(&data).await;
    let (client, token) = (Client::new(front.url()), data.operator_token());
    let change = |token: &str, module: &str, body: Value| {
        let request = client.request("PUT", &format!("/admin/placement/{module}"));
        let request = request.bearer_auth(token).json(&body);
        let client = client.clone();
        async move { client.send(request).await }
    };
    let remote = || json!({ "placement": "remote" });
    for token in ["", "x", &token.replace('a', "b").replace('0', "1")] {
        change(token, "catalog", remote())
            .await
            .expect_problem(401, "unauthenticated");
    }
    client
        .get("/admin/placement")
        .await
        .expect_problem(401, "unauthenticated");
    change(&token, "reviews", remote())
        .await
        .expect_problem(404, "unknown-module");
    let elsewhere = json!({ "placement": "remote", "urls": ["http://127.0.0.1:1"] });
    let refused = change(&token, "catalog", elsewhere)
        .await
        .expect_problem(409, "no-such-place");
    assert!(refused["detail"].to_string().contains(other.url()), "{refused}");
    for body in [
        json!({ "placement": "moon" }),
        json!({}),
        json!({ "placement": "remote", "urls": ["x"] }),
    ] {
        change(&token, "catalog", body)
            .await
            .expect_problem(422, "invalid-field");
    }
    // A process that was started without another place has none.
    let path = "/admin/placement/catalog";
    let alone = Client::new(other.url());
    let request = alone.request("PUT", path).bearer_auth(&token).json(&remote());
    alone.send(request).await.expect_problem(409, "no-such-place");
    // The same from the command line.
    let of = ["--of", front.url()];
    let set = |words: &[&'static str]| [&["placement"], words, &of[..]].concat();
    data.run(&set(&["set", "catalog", "remote"])).await.expect_success();
    let shown = data.run(&set(&["show"])).await.expect_success();
    let line = shown
        .stdout
        .lines()
        .find(|line| line.starts_with("catalog"))
        .expect("it is shown");
    assert!(line.contains("remote"), "{}", shown.stdout);
    assert!(shown.stdout.contains(other.url()), "{}", shown.stdout);
    client.get("/api/v1/products").await.expect(200);
    let unknown = data.run(&["placement", "set", "reviews", "remote"]).await;
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    let nobody = data.run(&["placement", "show", "--of", "http://127.0.0.1:1"]).await;
    nobody.expect_error(1, &["no process answers at http://127.0.0.1:1"]);
    front.stop().await;
    other.stop().await;
}
