//! Kills, hangs and lost databases during a migration: no user's request fails while a standby is there, going back is always
//! possible, and a store keeps its plans without the control database.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use offshoot_tests::{Client, Engine, free_address};
use serde_json::{Value, json};

use super::{Moving, serve_candidate};

on_both_engines! {
    a_killed_candidate_fails_no_request_and_is_sent_back,
    a_hung_candidate_fails_no_request_and_the_way_back_is_open,
    a_dead_member_is_waited_for_by_name_and_then_forgotten,
}

/// Reads products through `client` until told to end. Counts answers; each must be right.
async fn browse(client: &Client, ends: &AtomicBool, answers: &AtomicU64) {
    while !ends.load(Ordering::Relaxed) {
        let page = client.get("/api/v1/products?page_size=10").await.expect(200);
        for product in page["items"].as_array().expect("a list") {
            let id = product["id"].as_str().expect("an id");
            client.get(&format!("/api/v1/products/{id}")).await.expect(200);
            answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether the candidate did harm, and the calls are back at the members.
fn is_halted(status: &Value) -> bool {
    status["state"] == "shadow" && status["halted"].is_string()
}

async fn a_killed_candidate_fails_no_request_and_is_sent_back(engine: Engine) {
    let mut moving = Moving::start(engine, "catalog", 1, None).await;
    let (mover, client) = (moving.mover(), moving.operator(0));
    let (ends, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let store = moving.fronts[0].address().to_owned();
    let candidate_at = moving.candidate.address().to_owned();
    let data = &moving.data;
    let walking = async {
        mover.start(&[50]).await;
        for state in ["encoded", "shadow", "canary:50", "remote"] {
            mover.advance(state).await;
        }
        mover.until_acknowledged().await;
        let candidate = std::mem::replace(&mut moving.candidate, data.serve(&["--only", "payments"]).await);
        candidate.kill().await;
        // Half of the calls failing is harm at once, although each was answered by the standby.
        let status = mover.until("the automatic step back", is_halted).await;
        assert!(
            status["halted"].as_str().is_some_and(|why| why.contains("failed")),
            "{status:#}"
        );
        let refused = mover.send("advance", json!({})).await.expect(409);
        assert_eq!(refused["code"], "halted");
        let again = serve_candidate(data, "catalog", &candidate_at, &store).await;
        mover
            .apply("resume", json!({ "reason": "the process was killed by a test" }))
            .await;
        mover.advance("canary:50").await;
        mover.back("local").await;
        mover.until_acknowledged().await;
        again.stop().await;
        ends.store(true, Ordering::Relaxed);
    };
    tokio::join!(walking, browse(&client, &ends, &answers));
    assert!(answers.load(Ordering::Relaxed) > 0);
    moving.stop().await;
}

async fn a_hung_candidate_fails_no_request_and_the_way_back_is_open(engine: Engine) {
    let moving = Moving::start(engine, "catalog", 1, None).await;
    let (mover, client) = (moving.mover(), moving.operator(0));
    let (ends, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let walking = async {
        mover.start(&[50]).await;
        for state in ["encoded", "shadow", "canary:50"] {
            mover.advance(state).await;
        }
        mover.until_acknowledged().await;
        mover.apply("pause", json!({ "reason": "also while paused" })).await;
        moving.candidate.send_signal("STOP").await;
        mover.until("the automatic step back", is_halted).await;
        // Nobody waits for the hung process: neither operators nor members.
        mover.back("local").await;
        mover.until_acknowledged().await;
        client.get("/health/ready").await.expect(200);
        moving.candidate.send_signal("CONT").await;
        ends.store(true, Ordering::Relaxed);
    };
    tokio::join!(walking, browse(&client, &ends, &answers));
    assert!(answers.load(Ordering::Relaxed) > 0);
    moving.stop().await;
}

async fn a_dead_member_is_waited_for_by_name_and_then_forgotten(engine: Engine) {
    // The roster forgets a silent process late, so that the tests see the wait also on a slow machine.
    let mut moving = Moving::start_with(engine, "catalog", 2, None, &[("OFFSHOOT__JOBS__SILENCE", "20s")]).await;
    let mover = moving.mover();
    mover.start(&[50]).await;
    mover
        .until("two members", |status| {
            status["members"].as_array().is_some_and(|members| members.len() == 2)
        })
        .await;
    mover.until_acknowledged().await;
    let hung = moving.fronts.pop().expect("two replicas");
    hung.send_signal("STOP").await;
    mover.apply("pause", json!({})).await;
    mover.apply("resume", json!({})).await;
    let waits_for = |status: &Value| {
        offshoot_tests::gates(status).any(|gate| {
            gate["name"] == "members"
                && gate["detail"]
                    .as_str()
                    .is_some_and(|found| found.contains(&hung.id().to_string()))
        })
    };
    mover.until("the name of the hung process", waits_for).await;
    // The roster removes a silent process after seconds.
    mover
        .until("one member", |status| {
            status["members"].as_array().is_some_and(|members| members.len() == 1)
        })
        .await;
    mover.advance("encoded").await;
    hung.send_signal("CONT").await;
    // A member that returns takes up the current plan.
    mover
        .until("two members", |status| {
            status["members"].as_array().is_some_and(|members| members.len() == 2)
        })
        .await;
    mover.until_acknowledged().await;
    hung.stop().await;
    moving.stop().await;
}

#[tokio::test]
async fn without_its_control_database_a_store_keeps_its_plans_also_over_a_restart() {
    let mut moving = Moving::start(Engine::Sqlite, "catalog", 1, None).await;
    let (mover, client) = (moving.mover(), moving.operator(0));
    let (ends, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let walking = async {
        mover.start(&[50]).await;
        for state in ["encoded", "shadow", "canary:50", "remote"] {
            mover.advance(state).await;
        }
        mover.until_acknowledged().await;
        ends.store(true, Ordering::Relaxed);
    };
    tokio::join!(walking, browse(&client, &ends, &answers));
    let front = moving.fronts.pop().expect("a replica");
    let (address, urls) = (
        front.address().to_owned(),
        format!("catalog={}", moving.candidate.url()),
    );
    front.stop().await;
    let hidden = moving.data.folder().join("hidden");
    std::fs::create_dir(&hidden).expect("a folder");
    for name in ["control.db", "control.db-wal", "control.db-shm"] {
        let file = moving.data.folder().join(name);
        if file.exists() {
            std::fs::rename(&file, hidden.join(name)).expect("the file moves away");
        }
    }
    let front = moving.data.serve(&["--listen", &address, "--urls", &urls]).await;
    front.wait_until_ready().await;
    let calls = |side: &Value| side["calls"].as_u64().unwrap_or(0);
    let page = client.get("/api/v1/products?page_size=1").await.expect(200);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    let places = client.get("/admin/placement").await.expect(200);
    let catalog = places
        .as_array()
        .and_then(|places| places.iter().find(|place| place["module"] == "catalog"));
    let catalog = catalog.expect("the catalog has a placement");
    assert_eq!(catalog["placement"], "remote", "{places:#}");
    assert!(calls(catalog) > 0);
    assert!(moving.data.log_text().contains("control database"), "the store says so");
    moving.fronts.push(front);
    moving.stop().await;
}

/// A port of the tests is never reused: a candidate elsewhere is another candidate.
#[tokio::test]
async fn an_unreachable_candidate_is_named() {
    let nowhere = format!("http://{}", free_address());
    let moving = Moving::start(Engine::Sqlite, "catalog", 1, Some(&nowhere)).await;
    let refused = moving.mover().send("start", json!({})).await.expect(409);
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|why| why.contains("no address of the candidate answers")),
        "{refused:#}"
    );
    moving.stop().await;
}
