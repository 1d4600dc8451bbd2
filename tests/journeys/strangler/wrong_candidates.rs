//! Wrong candidates: each fault is caught in Shadow, before a user meets it, at the gate that names it. What only looks
//! different is not taken for a fault.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use offshoot_tests::{Client, Edit, EditedAnswer, EditingProxy, Engine, Mover, free_address, gates};
use serde_json::{Value, json};

use super::{Moving, serve_candidate};

on_both_engines! {
    each_wrong_candidate_is_caught_at_its_gate,
}

/// One answer in so many is wrong.
const ONE_IN: u64 = 20;
/// Comparisons of a candidate that is right.
const CLEAN: u64 = 200;

/// A fault, and where the comparison finds it.
struct Wrong {
    name: &'static str,
    edit: fn() -> Edit,
    /// Begin of the name of the red or held gate.
    gate: &'static str,
    /// Part of a class of differences. Empty for a fault that is none of values.
    class: &'static str,
}

/// Edits one answer in [`ONE_IN`] that has `field` at its top.
fn rarely(field: &'static str, mut edit: impl FnMut(&mut EditedAnswer) + Send + 'static) -> Edit {
    let mut seen = 0_u64;
    Box::new(move |answer| {
        if answer.status == 200 && answer.body.get(field).is_some() {
            seen += 1;
            if seen.is_multiple_of(ONE_IN) {
                edit(answer);
            }
        }
    })
}

const WRONG: [Wrong; 8] = [
    Wrong {
        name: "a wrong price",
        edit: || rarely("price", |answer| answer.body["price"]["amount"] = json!("0.01")),
        gate: "differences",
        class: "product price.amount value",
    },
    Wrong {
        name: "a missing field",
        edit: || {
            rarely("price", |answer| {
                answer.body.as_object_mut().expect("an object").remove("price");
            })
        },
        gate: "differences",
        class: ":bad-answer",
    },
    Wrong {
        name: "another error",
        edit: || {
            rarely("price", |answer| {
                let id = answer.body["id"].clone();
                answer.status = 404;
                answer.body = json!({ "status": 404, "code": "unknown-product", "title": "", "detail": "", "trace_id": "", "id": id });
            })
        },
        gate: "differences",
        class: "product",
    },
    Wrong {
        name: "an occasional 500",
        edit: || {
            rarely("price", |answer| {
                answer.status = 500;
                answer.body = json!({ "status": 500, "code": "internal", "title": "", "detail": "", "trace_id": "", "may_have_executed": false });
            })
        },
        gate: "differences",
        class: ":internal",
    },
    Wrong {
        name: "another order",
        edit: || {
            rarely("items", |answer| {
                answer.body["items"].as_array_mut().expect("a list").reverse();
            })
        },
        gate: "differences",
        class: "items order",
    },
    Wrong {
        name: "another format of time",
        edit: || {
            rarely("updated_at", |answer| {
                answer.body["updated_at"] = json!("Thu, 26 Nov 2026 12:00:00 GMT");
            })
        },
        gate: "differences",
        class: ":bad-answer",
    },
    Wrong {
        name: "stale data",
        edit: || {
            let mut old = HashMap::<String, Value>::new();
            Box::new(move |answer| {
                if answer.status == 200 && answer.body.get("price").is_some() {
                    let body = answer.body.clone();
                    answer.body = old.entry(answer.path.clone()).or_insert(body).clone();
                }
            })
        },
        gate: "differences",
        class: "product",
    },
    Wrong {
        // The operator sets a margin that the tail exceeds.
        name: "a slow tail",
        edit: || rarely("price", |answer| answer.delay = Duration::from_millis(400)),
        gate: "slow",
        class: "",
    },
];

async fn each_wrong_candidate_is_caught_at_its_gate(engine: Engine) {
    let candidate_at = free_address();
    let proxy = EditingProxy::start(&format!("http://{candidate_at}")).await;
    let moving = Moving::start(engine, "catalog", 1, Some(&proxy.url())).await;
    let candidate = serve_candidate(&moving.data, "catalog", &candidate_at, moving.fronts[0].address()).await;
    let mover = moving.mover();
    let ends = AtomicBool::new(false);
    let browsing = async {
        let client = moving.operator(0);
        let mut round = 0;
        while !ends.load(Ordering::Relaxed) {
            browse(&client, round).await;
            round += 1;
        }
    };
    let walking = async {
        mover.start(&[50]).await;
        mover.advance("encoded").await;
        mover.advance("shadow").await;
        harmless_noise_is_no_difference(&mover, &proxy).await;
        for wrong in &WRONG {
            println!("{engine}: {}", wrong.name);
            restart_shadow(&mover, &proxy).await;
            proxy_is_caught(&mover, &proxy, wrong).await;
        }
        ends.store(true, Ordering::Relaxed);
    };
    tokio::join!(browsing, walking);
    candidate.stop().await;
    moving.stop().await;
}

/// Looks at products, and changes a price now and then, so that stale data differs.
async fn browse(client: &Client, round: u64) {
    let page = client.get("/api/v1/products?page_size=10").await.expect(200);
    for product in page["items"].as_array().expect("a list") {
        let id = product["id"].as_str().expect("an id");
        client.get(&format!("/api/v1/products/{id}")).await.expect(200);
        if round % 10 == 9 {
            let price = json!({ "amount": format!("{}.50", 1 + round % 90), "currency": "GBP" });
            client
                .json("PUT", &format!("/api/v1/admin/products/{id}/price"), &price)
                .await
                .expect(200);
        }
    }
}

/// A new stage: evidence of the stage before does not count.
async fn restart_shadow(mover: &Mover, proxy: &EditingProxy) {
    proxy.edit(|_| {});
    mover.back("encoded").await;
    mover.until_acknowledged().await;
    mover.advance("shadow").await;
    mover.until_acknowledged().await;
}

/// Another way to write the same values, fields in another order, and writes of others in between.
async fn harmless_noise_is_no_difference(mover: &Mover, proxy: &EditingProxy) {
    proxy.edit(|answer| {
        if let Some(text) = answer.body["updated_at"].as_str().map(str::to_owned) {
            answer.body["updated_at"] = json!(text.replace('Z', "+00:00"));
        }
    });
    let status = mover.until("comparisons", |status| compared(status) >= CLEAN).await;
    assert_eq!(mover.differences().await, Vec::<String>::new(), "{status:#}");
}

fn compared(status: &Value) -> u64 {
    let methods = status["methods"].as_object().into_iter().flatten();
    methods
        .map(|(_, method)| method["compared"].as_u64().unwrap_or(0))
        .sum()
}

async fn proxy_is_caught(mover: &Mover, proxy: &EditingProxy, wrong: &Wrong) {
    if wrong.gate == "slow" {
        mover.apply("set", json!({ "slow_margin_ms": 100 })).await;
    }
    proxy.edit((wrong.edit)());
    let is_open = |status: &Value| {
        gates(status).any(|gate| {
            gate["name"].as_str().is_some_and(|name| name.starts_with(wrong.gate)) && gate["verdict"] == "red"
        })
    };
    let status = mover.until(wrong.name, is_open).await;
    assert_eq!(status["can_go_forward"], false, "{}", wrong.name);
    assert_eq!(status["state"], "shadow");
    let refused = mover.send("advance", json!({})).await;
    let refused = refused.expect(409);
    assert_eq!(refused["code"], "gates", "{refused:#}");
    if !wrong.class.is_empty() {
        let classes = mover.differences().await;
        assert!(
            classes.iter().any(|class| class.contains(wrong.class)),
            "{}: {classes:?}",
            wrong.name
        );
    }
}
