//! What `start` and the other verbs refuse: a candidate that is none, other operators, and what does not exist. Each refusal
//! names the object and the fault.

use offshoot_tests::{Client, Data, Engine, Mover, free_address};
use serde_json::{Value, json};

use super::{Moving, serve_candidate};
use crate::journeys::STORE_PERMITS;

on_both_engines! {
    a_candidate_that_would_do_harm_is_refused,
    what_operators_get_wrong_is_refused_with_the_reason,
}

async fn refusal(mover: &Mover, verb: &str, fields: Value) -> (String, String) {
    let answer = mover.send(verb, fields).await;
    let problem = answer.expect(409);
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("detail"))
}

async fn a_candidate_that_would_do_harm_is_refused(engine: Engine) {
    let _permits = STORE_PERMITS
        .acquire_many(2)
        .await
        .expect("the semaphore is never closed");
    let data = Data::new(engine).await;
    let (store, candidate_at) = (free_address(), free_address());
    let urls = format!("carts=http://{candidate_at}");
    let front = data.serve(&["--listen", &store, "--urls", &urls]).await;
    front.wait_until_ready().await;
    let client = offshoot_tests::Client::new(front.url()).with_token(data.operator_token());
    let mover = Mover::new(client, "carts");

    let (code, said) = refusal(&mover, "start", json!({})).await;
    assert_eq!(code, "gates");
    assert!(said.contains("no address of the candidate answers"), "{said}");

    // Started without --candidate: takes leases at once.
    let remote = format!("catalog=http://{store}");
    let works = data
        .serve(&["--only", "carts", "--listen", &candidate_at, "--remote", &remote])
        .await;
    mover
        .until_refused_with("start", "does background work before the plan allows it")
        .await;
    works.stop().await;

    // A copy of the data: the same store id, and no heartbeat here.
    if engine == Engine::Sqlite {
        let copy = tempfile::tempdir().expect("a temporary folder");
        for entry in std::fs::read_dir(data.folder()).expect("the data directory").flatten() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
        }
        let folder = copy.path().to_str().expect("temporary folders have UTF-8 names");
        let arguments = [
            "serve",
            "--sample",
            "no",
            "--only",
            "carts",
            "--candidate",
            "--listen",
            &candidate_at,
        ];
        let arguments = [&arguments[..], &["--remote", &remote, "--data-dir", folder]].concat();
        let elsewhere = offshoot_tests::Process::start(&arguments, copy.path().join("process.log")).await;
        mover.until_refused_with("start", "works on other data").await;
        elsewhere.stop().await;
    }

    // The right one.
    let candidate = serve_candidate(&data, "carts", &candidate_at, &store).await;
    mover.start(&[50]).await;
    let status = mover.status().await;
    assert_eq!((&status["state"], &status["started"]), (&json!("local"), &json!(true)));
    candidate.stop().await;
    front.stop().await;
}

async fn what_operators_get_wrong_is_refused_with_the_reason(engine: Engine) {
    let moving = Moving::start(engine, "catalog", 1, None).await;
    let (mover, client) = (moving.mover(), moving.operator(0));

    before_a_start(&moving, &mover, &client).await;
    mover.start(&[50]).await;
    // Two operators at once: the second one has seen an old generation.
    let stale = mover.send("pause", json!({ "generation": 0 })).await;
    stale.expect_problem(409, "stale-generation");
    let (code, said) = refusal(&mover, "advance", json!({ "to": "remote" })).await;
    assert_eq!(code, "not-next", "{said}");
    assert!(said.contains("encoded"), "{said}");
    let (code, _) = refusal(&mover, "waive", json!({ "gate": "data", "reason": "in a hurry" })).await;
    assert_eq!(code, "not-waivable");
    let decided = client
        .json("PUT", "/admin/placement/catalog", &json!({ "placement": "remote" }))
        .await;
    let decided = decided.expect_problem(409, "migration-decides");
    assert!(
        decided["detail"]
            .as_str()
            .unwrap_or_default()
            .contains("offshoot strangler"),
        "{decided}"
    );
    mover.apply("pause", json!({ "reason": "lunch" })).await;
    let (code, _) = refusal(&mover, "advance", json!({})).await;
    assert_eq!(code, "paused");
    // A dry run writes nothing.
    let before = mover.status().await["generation"].clone();
    mover.apply("resume", json!({ "dry_run": true })).await;
    assert_eq!(mover.status().await["generation"], before);
    // A module without an address of a candidate.
    let homeless = Mover::new(client.clone(), "payments");
    let (code, said) = refusal(&homeless, "start", json!({})).await;
    assert_eq!(code, "gates");
    assert!(said.contains("no address of the candidate"), "{said}");
    moving.stop().await;
}

/// What does not exist, and fields that are wrong.
async fn before_a_start(moving: &Moving, mover: &Mover, client: &Client) {
    client
        .get("/admin/strangler/catalogue")
        .await
        .expect_problem(404, "unknown-module");
    let unknown = client.json("POST", "/admin/strangler/catalog/fly", &json!({})).await;
    unknown.expect_problem(404, "unknown-verb");
    let (code, said) = refusal(mover, "advance", json!({})).await;
    assert_eq!(code, "not-started", "{said}");
    let path = "/admin/strangler/catalog/start";
    let field = client
        .json("POST", path, &json!({ "generation": 0, "sample": 5 }))
        .await;
    assert!(
        field.expect_problem(422, "invalid-field")["detail"]
            .as_str()
            .unwrap_or_default()
            .contains("sample")
    );
    let range = client
        .json("POST", path, &json!({ "generation": 0, "sample_per_mille": 1_001 }))
        .await;
    assert!(
        range.expect_problem(422, "invalid-field")["detail"]
            .as_str()
            .unwrap_or_default()
            .contains("1001")
    );
    let nobody = Client::new(moving.fronts[0].url()).json("POST", path, &json!({})).await;
    nobody.expect_problem(401, "unauthenticated");
}
