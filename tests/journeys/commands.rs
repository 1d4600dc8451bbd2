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
