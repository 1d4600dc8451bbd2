//! Commands other than `serve`: data goes to stdout, messages go to stderr, and scripts can rely on the exit code.

use offshoot_tests::{Data, Engine, run_offshoot};
use serde_json::Value;

on_both_engines! {
    a_migrated_database_has_no_pending_migrations,
}

async fn a_migrated_database_has_no_pending_migrations(engine: Engine) {
    let data = Data::new(engine).await;
    let before = data.run_command(&["db", "migrate", "--json"]).await.expect_success();
    let again = data.run_command(&["db", "migrate", "--json"]).await.expect_success();
    assert!(
        parse_list(&again.stdout).is_empty(),
        "after {}: {}",
        before.stdout,
        again.stdout
    );
    let status = data.run_command(&["db", "status", "--json"]).await.expect_success();
    let rows = parse_list(&status.stdout);
    assert!(!rows.is_empty());
    for row in rows {
        let state = row["state"].as_str().expect("a state is a string");
        assert!(state.starts_with("applied 2"), "{row}");
    }
}

#[tokio::test]
async fn contract_openapi_prints_only_the_document() {
    let printed = run_offshoot(&["contract", "openapi", "carts"]).await.expect_success();
    let document: Value = serde_json::from_str(&printed.stdout).expect("stdout is JSON");
    assert_eq!(document["info"]["title"], "carts");
    assert_eq!(printed.stderr, "");
}

#[tokio::test]
async fn contract_check_compares_every_contract_with_a_released_description() {
    let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/../modules");
    let checked = run_offshoot(&["contract", "check", "--released", modules, "--json"])
        .await
        .expect_success();
    let findings = parse_list(&checked.stdout);
    assert!(!findings.is_empty());
    for finding in findings {
        assert_ne!(finding["released"], Value::Null, "{finding}");
    }
}

#[tokio::test]
async fn an_unknown_module_is_a_usage_error() {
    run_offshoot(&["serve", "--only", "catalogue"])
        .await
        .expect_error(2, &["catalogue", "--only"]);
}

fn parse_list(stdout: &str) -> Vec<Value> {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("stdout is not a JSON list: {error}: {stdout}"))
}

#[tokio::test]
async fn the_split_demo_reports_each_chapter_and_passes_every_proof() {
    let demo = run_offshoot(&["demo", "split", "--each", "700ms", "--json"])
        .await
        .expect_success();
    let story: serde_json::Value = serde_json::from_str(&demo.stdout).expect("stdout is JSON");
    let chapters = story["chapters"].as_array().expect("the report has chapters");
    let places: Vec<_> = chapters.iter().map(|chapter| &chapter["catalog"]).collect();
    assert_eq!(places, ["here", "there", "nowhere", "there", "here"]);
    for (number, chapter) in chapters.iter().enumerate() {
        let count = |field: &str| chapter[field].as_u64().expect("a count is a number");
        // While the catalog is away, carts sell at the projected prices. A request for a product without a projected
        // price is repeated, on a slow machine into the next chapters.
        assert!(count("baskets") + count("repeats") > 0, "{chapter}");
        assert!(number >= 2 || count("repeats") == 0, "{chapter}");
    }
    let proofs = story["proofs"].as_array().expect("the report has proofs");
    assert!(
        proofs.len() == 7 && proofs.iter().all(|proof| proof["contradictions"] == 0),
        "{story}"
    );
}
