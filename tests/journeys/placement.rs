//! Placement changes at runtime while baskets are bought, and the authorization of these changes.

use std::time::Duration;

use offshoot_tests::{Client, Data, Engine, MODULES, Process, with_callees};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::interrupted_import::{SAMPLE_CSV, env_setting};

on_both_engines! {
    a_thousand_placement_changes_fail_no_call,
    only_operators_change_placements_and_only_to_configured_addresses,
    the_target_of_a_placement_is_checked_before_calls_move,
    a_process_on_a_restored_copy_is_not_called,
}

const CHANGES: usize = 1_000;
/// Minimum of replays: on a machine with fast placement changes and slow sales, fewer replays would give meaningless
/// shares.
const REPLAYS_MIN: usize = 4;
/// Each side must execute at least this share of a module's calls.
const SHARE_MIN: f64 = 0.3;

/// Starts a store that serves contracts, and a second store on the same data with the first store's addresses.
async fn two_processes(data: &Data) -> (Process, Process) {
    let other = data.serve(&[]).await;
    other.wait_until_ready().await;
    let urls: Vec<_> = MODULES
        .iter()
        .map(|module| format!("{module}={}", other.url()))
        .collect();
    let flags: Vec<_> = urls.iter().flat_map(|url| ["--urls", url.as_str()]).collect();
    let front = data.serve(&flags).await;
    front.wait_until_ready().await;
    (other, front)
}

async fn set_placement(client: &Client, token: &str, module: &str, placement: &str) -> Value {
    let path = format!("/admin/placement/{module}");
    let request = client.request("PUT", &path).bearer_auth(token);
    client
        .send(request.json(&json!({ "placement": placement })))
        .await
        .expect(200)
}

async fn a_thousand_placement_changes_fail_no_call(engine: Engine) {
    let data = Data::new(engine).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    let (other, front) = two_processes(&data).await;
    let (client, token) = (Client::new(front.url()), data.operator_token());
    let seed = env_setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    println!("{engine}: placement changes drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut is_remote = [false; MODULES.len()];
    let mut changes = 0;
    let mut run = 0;
    while changes < CHANGES || run < REPLAYS_MIN {
        run += 1;
        let run = run.to_string();
        let replay = [
            "replay",
            "online-retail",
            SAMPLE_CSV,
            "--limit",
            "150",
            "--concurrency",
            "32",
            "--json",
        ];
        let mut replay = replay.to_vec();
        replay.extend(["--url", front.url(), "--run", &run, "--seed", &run]);
        let buying = data.run_command(&replay);
        let changing = async {
            // Each module moves on its own while baskets are bought, so callers and callees run together and apart.
            loop {
                let module = random.random_range(0..MODULES.len());
                is_remote[module] = !is_remote[module];
                let to = if is_remote[module] { "remote" } else { "local" };
                assert_eq!(
                    set_placement(&client, &token, MODULES[module], to).await["placement"],
                    to
                );
                changes += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let bought =
            tokio::select! { bought = buying => bought, () = changing => unreachable!("the changes never end") };
        let report: Value = serde_json::from_str(&bought.expect_success().stdout).expect("stdout is JSON");
        // No request was repeated. The exit code says that every proof holds.
        assert_eq!(report["repeats"], 0, "{report}");
    }
    println!("{engine}: {changes} changes during {run} replays");
    for module in with_callees("orders") {
        let state = set_placement(&client, &token, module, "remote").await;
        let all = state["calls"].as_f64().expect("a count is a number");
        let remote = state["endpoints"][0]["calls"].as_f64().expect("a count is a number");
        let share = remote / all;
        assert!(
            (SHARE_MIN..1.0 - SHARE_MIN).contains(&share),
            "{module}: {share} of {all} calls"
        );
    }
    front.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn an_unsupported_verb_and_a_cut_port_are_refused() {
    let data = Data::new(Engine::Sqlite).await;
    let process = data.serve(&[]).await;
    process.wait_until_ready().await;
    let client = Client::new(process.url());
    let request = client.request("POST", "/admin/placement/catalog");
    let unsupported = client.send(request.bearer_auth(data.operator_token())).await;
    unsupported.expect_problem(405, "method-not-allowed");
    assert_eq!(unsupported.header("allow"), "PUT");
    let nowhere = ["placement", "show", "--of", "http://127.0.0.1:99999"];
    let nowhere = data.run_command(&nowhere).await;
    nowhere.expect_error(2, &["`99999` is not a port from 1 to 65535"]);
    process.stop().await;
}

async fn only_operators_change_placements_and_only_to_configured_addresses(engine: Engine) {
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
    let unknown_address = json!({ "placement": "remote", "urls": ["http://127.0.0.1:1"] });
    let refused = change(&token, "catalog", unknown_address)
        .await
        .expect_problem(409, "no-such-place");
    assert!(refused["detail"].to_string().contains(other.url()), "{refused}");
    for body in [
        json!({ "placement": "moon" }),
        json!({}),
        json!({ "placement": "remote", "urls": ["x"] }),
        json!({ "placement": "remote", "urls": ["http://127.0.0.1:99999"] }),
        json!(["local"]),
    ] {
        change(&token, "catalog", body)
            .await
            .expect_problem(422, "invalid-field");
    }
    // A process without configured addresses has no remote placement.
    let path = "/admin/placement/catalog";
    let alone = Client::new(other.url());
    let request = alone.request("PUT", path).bearer_auth(&token).json(&remote());
    alone.send(request).await.expect_problem(409, "no-such-place");
    // The same change with the command line.
    let process = ["--of", front.url()];
    let with_process = |words: &[&'static str]| [&["placement"], words, &process[..]].concat();
    data.run_command(&with_process(&["set", "catalog", "remote"]))
        .await
        .expect_success();
    let shown = data.run_command(&with_process(&["show"])).await.expect_success();
    let line = shown
        .stdout
        .lines()
        .find(|line| line.starts_with("catalog"))
        .expect("the catalog is listed");
    assert!(line.contains("remote"), "{}", shown.stdout);
    assert!(shown.stdout.contains(other.url()), "{}", shown.stdout);
    client.get("/api/v1/products").await.expect(200);
    let unknown = data.run_command(&["placement", "set", "reviews", "remote"]).await;
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    let nobody = data
        .run_command(&["placement", "show", "--of", "http://127.0.0.1:1"])
        .await;
    nobody.expect_error(1, &["no process answers at http://127.0.0.1:1"]);
    front.stop().await;
    other.stop().await;
}

async fn the_target_of_a_placement_is_checked_before_calls_move(engine: Engine) {
    let (data, foreign) = (Data::new(engine).await, Data::new(engine).await);
    // A process of another store, with the service keys of this one.
    let right = data.serve(&["--only", "catalog"]).await;
    std::fs::copy(data.folder().join("service.key"), foreign.folder().join("service.key"))
        .expect("the service key is copied");
    let wrong = foreign.serve(&["--only", "catalog"]).await;
    let urls = format!("catalog={},{},http://127.0.0.1:1", right.url(), wrong.url());
    let front = data.serve(&["--urls", &urls]).await;
    let (client, token) = (Client::new(front.url()), data.operator_token());
    let change = |body: Value| {
        let request = client.request("PUT", "/admin/placement/catalog").bearer_auth(&token);
        client.send(request.json(&body))
    };
    let at = |url: &str| json!({ "placement": "remote", "urls": [url] });
    let refused = change(at(wrong.url())).await.expect_problem(409, "wrong-target");
    for data in [&data, &foreign] {
        let store =
            std::fs::read_to_string(data.folder().join("catalog.store")).expect("each data directory has an id");
        assert!(refused["detail"].to_string().contains(store.trim()), "{refused}");
    }
    change(at("http://127.0.0.1:1"))
        .await
        .expect_problem(409, "wrong-target");
    // With all addresses, one wrong store is too many.
    change(json!({ "placement": "remote" }))
        .await
        .expect_problem(409, "wrong-target");
    client.get("/api/v1/products").await.expect(200);
    let placed = change(at(right.url())).await.expect(200);
    assert_eq!(
        (&placed["placement"], &placed["generation"]),
        (&"remote".into(), &1.into())
    );
    // Another operator has looked before this change.
    change(json!({ "placement": "local", "generation": 0 }))
        .await
        .expect_problem(409, "placement-changed");
    let back = change(json!({ "placement": "local", "generation": 1 }))
        .await
        .expect(200);
    assert_eq!(back["generation"], 2);
    let process = ["--of", front.url(), "--at", "http://127.0.0.1:1"];
    let set = |words: &[&'static str]| [&["placement", "set", "catalog", "remote"], words, &process[..]].concat();
    data.run_command(&set(&[])).await.expect_error(1, &["force"]);
    data.run_command(&set(&["--force"])).await.expect_success();
    for process in [front, wrong, right] {
        process.stop().await;
    }
}

/// A restored copy has the store id of the original, so only heartbeats tell the two apart.
async fn a_process_on_a_restored_copy_is_not_called(engine: Engine) {
    let (data, copy) = (Data::new(engine).await, Data::new(engine).await);
    let right = data.serve(&["--only", "catalog"]).await;
    right.wait_until_ready().await;
    let backup = data.folder().join("backup").display().to_string();
    data.run_command(&["backup", "create", "--to", &backup, "--module", "catalog"])
        .await
        .expect_success();
    copy.run_command(&["backup", "restore", &backup]).await.expect_success();
    std::fs::copy(data.folder().join("service.key"), copy.folder().join("service.key"))
        .expect("the service key is copied");
    let wrong = copy.serve(&["--only", "catalog"]).await;
    wrong.wait_until_ready().await;
    let store = |data: &Data| std::fs::read_to_string(data.folder().join("catalog.store")).expect("a store id");
    assert_eq!(store(&data), store(&copy));

    let urls = format!("catalog={},{}", right.url(), wrong.url());
    let front = data.serve(&["--urls", &urls]).await;
    let (client, token) = (Client::new(front.url()), data.operator_token());
    let place = |client: &Client, url: &str| {
        let client = client.clone();
        let request = client.request("PUT", "/admin/placement/catalog").bearer_auth(&token);
        let request = request.json(&json!({ "placement": "remote", "urls": [url] }));
        async move { client.send(request).await }
    };
    let refused = place(&client, wrong.url()).await.expect_problem(409, "wrong-target");
    let detail = refused["detail"].to_string();
    for side in [&data, &copy] {
        let location = side.database().map_or_else(
            || side.folder().display().to_string(),
            |url| url.rsplit('/').next().unwrap_or_default().to_owned(),
        );
        assert!(detail.contains(&location), "{location} is missing in: {detail}");
    }
    assert!(
        detail.contains(wrong.url()) && detail.contains("restored copy"),
        "{detail}"
    );
    let placed = place(&client, right.url()).await.expect(200);
    assert!(placed["checked"].to_string().contains("works on the data"), "{placed}");
    // Without the data, a process says what it could not check.
    let remote = format!("catalog={}", right.url());
    let apart = data.serve(&["--remote", &remote]).await;
    let placed = place(&Client::new(apart.url()), right.url()).await.expect(200);
    assert!(placed["checked"].to_string().contains("not whether"), "{placed}");
    // The wrong process was named without any question, too.
    front.wait_for_log("wrong target").await;
    for process in [apart, front, wrong, right] {
        process.stop().await;
    }
}
