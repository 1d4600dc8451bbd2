//! Commands beside `serve`: data on stdout, everything else on stderr, and an exit code that a script can use.

use offshoot_tests::{Data, Engine, run};
use serde_json::Value;

on_both_engines! {
    a_migrated_database_lacks_nothing,
}

async fn a_migrated_database_lacks_nothing(engine: Engine) {
    let data = Data::new(engine).await;
    let before = data.run(&["db", "migrate", "--json"]).await.expect_success();
    let again = data.run(&["db", "migrate", "--json"]).await.expect_success();
    assert!(
        list(&again.stdout).is_empty(),
        "after {}: {}",
        before.stdout,
        again.stdout
    );
    let status = data.run(&["db", "status", "--json"]).await.expect_success();
    let rows = list(&status.stdout);
    assert!(!rows.is_empty());
    for row in rows {
        let state = row["state"].as_str().expect("a state is a text");
        assert!(state.starts_with("applied 2"), "{row}");
    }
}

#[tokio::test]
async fn a_document_is_all_that_is_on_stdout() {
    let printed = run(&["contract", "openapi", "carts"]).await.expect_success();
    let document: Value = serde_json::from_str(&printed.stdout).expect("the document is JSON");
    assert_eq!(document["info"]["title"], "carts");
    assert_eq!(printed.stderr, "");
}

#[tokio::test]
async fn the_check_of_the_contracts_finds_what_was_released() {
    let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/../modules");
    let checked = run(&["contract", "check", "--released", modules, "--json"])
        .await
        .expect_success();
    let findings = list(&checked.stdout);
    assert!(!findings.is_empty());
    for finding in findings {
        assert_ne!(finding["released"], Value::Null, "{finding}");
    }
}

#[tokio::test]
async fn a_module_that_does_not_exist_is_wrong_usage() {
    run(&["serve", "--only", "catalogue"])
        .await
        .expect_error(2, &["catalogue", "--only"]);
}

fn list(stdout: &str) -> Vec<Value> {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("no JSON list, {error}: {stdout}"))
}

#[tokio::test]
async fn the_demo_of_a_split_tells_its_story_and_proves_it() {
    let told = run(&["demo", "split", "--each", "700ms", "--json"])
        .await
        .expect_success();
    let story: serde_json::Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    let chapters = story["chapters"].as_array().expect("there are chapters");
    let places: Vec<_> = chapters.iter().map(|chapter| &chapter["catalog"]).collect();
    assert_eq!(places, ["here", "there", "nowhere", "there", "here"]);
    for chapter in chapters {
        let is_away = chapter["catalog"] == "nowhere";
        let count = |what: &str| chapter[what].as_u64().expect("a number");
        // Carts sell at the prices that they know meanwhile; who needs one that they do not know asks again.
        assert!(count("baskets") > 0 || (is_away && count("repeats") > 0), "{chapter}");
        assert!(is_away || count("repeats") == 0, "{chapter}");
    }
    let proofs = story["proofs"].as_array().expect("there are proofs");
    assert!(
        proofs.len() == 7 && proofs.iter().all(|proof| proof["contradictions"] == 0),
        "{story}"
    );
}
