//! The whole way of a module, out and back, under live baskets and browsers: no request fails, and shoppers see what they would
//! have seen without a migration.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use offshoot_tests::{Client, Engine, MODULES, Mover, Shopper};
use serde_json::{Value, json};

use super::{Moving, replay};
use crate::journeys::interrupted_import::env_setting;
use crate::journeys::replay::data_with_sample;

on_both_engines! {
    a_module_leaves_and_returns_under_load,
}

/// The way out and back. Each state is reached from the one before.
const OUT: [&str; 5] = ["encoded", "shadow", "canary:10", "canary:50", "remote"];
const BACK: [&str; 4] = ["canary:50", "shadow", "encoded", "local"];
/// Modules that move in every run. The long suite moves all.
const MOVED: [&str; 2] = ["catalog", "orders"];

async fn a_module_leaves_and_returns_under_load(engine: Engine) {
    let all = env_setting("OFFSHOOT_ALL_MODULES") == Some(1_u8);
    for module in MODULES.into_iter().filter(|module| all || MOVED.contains(module)) {
        println!("{engine}: {module} leaves and returns");
        leave_and_return(engine, module).await;
    }
}

async fn leave_and_return(engine: Engine, module: &'static str) {
    let moving = Moving::start(engine, module, 2, None).await;
    let mover = moving.mover();
    let (ends, runs) = (AtomicBool::new(false), AtomicUsize::new(0));
    let buying = async {
        let mut reports = Vec::new();
        while !ends.load(Ordering::Relaxed) || reports.len() < 2 {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            reports.push(moving.buy(run % 2, run).await);
        }
        reports
    };
    let browsing = async {
        let clients = [moving.operator(0), moving.operator(1)];
        let order = buy_a_lantern(&clients[0]).await;
        let mut round = 0;
        while !ends.load(Ordering::Relaxed) {
            browse(&clients[round % 2], &order).await;
            round += 1;
        }
    };
    let walking = async {
        walk(&mover).await;
        ends.store(true, Ordering::Relaxed);
    };
    let (reports, (), ()) = tokio::join!(buying, browsing, walking);
    assert_history(&mover).await;
    let data = moving.stop().await;
    let proofs = data.run_command(&["replay", "proofs"]).await.expect_success();
    assert!(
        proofs.stdout.lines().all(|line| line.starts_with("holds")),
        "{}",
        proofs.stdout
    );
    assert_same_problems(engine, &reports).await;
}

async fn walk(mover: &Mover) {
    mover.start(&[10, 50]).await;
    for state in OUT {
        mover.advance(state).await;
        let status = mover.until_acknowledged().await;
        assert_eq!(status["state"], state);
        assert_eq!(status["can_go_back"], true);
    }
    mover
        .until("calls at the candidate", |status| {
            status["share_of_calls"].as_f64() == Some(1.0)
        })
        .await;
    for state in BACK {
        mover.back(state).await;
        mover.until_acknowledged().await;
    }
    mover.apply("end", json!({})).await;
}

/// Asks for what browsers and operators look at. Every answer must be right.
async fn browse(client: &Client, order: &str) {
    for (catalogue, id) in [("products", "id"), ("storefront/products", "product_id")] {
        let page = client
            .get(&format!("/api/v1/{catalogue}?page_size=5"))
            .await
            .expect(200);
        for product in page["items"].as_array().expect("a list") {
            let id = product[id].as_str().expect("an id");
            client.get(&format!("/api/v1/{catalogue}/{id}")).await.expect(200);
        }
    }
    let page = client.get("/api/v1/products?q=lantern").await.expect(200);
    let id = page["items"][0]["id"].as_str().expect("the sample has lanterns");
    client.get(&format!("/api/v1/products/{id}/stock")).await.expect(200);
    client.get("/api/v1/reports/revenue?by=month").await.expect(200);
    client.get(&format!("/api/v1/orders/{order}")).await.expect(200);
    client.get(&format!("/api/v1/orders/{order}/notices")).await.expect(200);
}

/// Buys one lantern, and returns the order's id.
async fn buy_a_lantern(client: &Client) -> String {
    let shopper = Shopper::new(client.clone());
    let page = shopper.browse("q=lantern").await;
    let id = page["items"][0]["id"].as_str().expect("the sample has lanterns");
    let cart = shopper.create_cart().await;
    shopper.set_quantity(&cart, id, 1).await;
    let order = shopper.buy(&cart).await;
    order["id"].as_str().expect("an id").to_owned()
}

/// The history has one entry for each step, and none by accident.
async fn assert_history(mover: &Mover) {
    let steps = mover.history().await.into_iter().filter(|(verb, ..)| verb != "waive");
    let steps: Vec<_> = steps.map(|(verb, from, to)| format!("{verb} {from} {to}")).collect();
    let mut expected = vec!["start local local".to_owned()];
    let states = ["local"].into_iter().chain(OUT).chain(BACK).collect::<Vec<_>>();
    for (place, pair) in states.windows(2).enumerate() {
        let verb = if place < OUT.len() { "advance" } else { "rollback" };
        expected.push(format!("{verb} {} {}", pair[0], pair[1]));
    }
    expected.push("end local local".to_owned());
    assert_eq!(steps, expected);
}

/// The problems that shoppers met are those of a store that never moved a module, basket by basket.
async fn assert_same_problems(engine: Engine, reports: &[Value]) {
    let data = data_with_sample(engine).await;
    for (run, moved) in reports.iter().enumerate() {
        let report = replay(&data, run, &[]).await;
        assert_eq!(report["refusals"], moved["refusals"], "run {run}");
    }
}
