//! `offshoot db provision`: an administrator makes schemas and logins once, and those who run the store need no such right.

use std::os::unix::fs::PermissionsExt as _;

use offshoot_tests::{Data, Engine, run};
use serde_json::Value;

use super::is_there;
use super::isolation::provisioned;

fn list(stdout: &str) -> Vec<Value> {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("no JSON list, {error}: {stdout}"))
}

#[tokio::test]
async fn a_second_provisioning_changes_nothing_and_says_so() {
    if !is_there(Engine::Postgres) {
        return;
    }
    let data = Data::new(Engine::Postgres).await;
    let file = data.folder().join("made-up");
    let name = file.to_str().expect("a plain name");
    let provision = ["db", "provision", "--logins", "--own-database", "--passwords", name];
    let with = |more: &'static str| [&provision[..], &[more]].concat();

    let planned = data.run(&with("--dry-run")).await.expect_success();
    assert!(
        planned.stdout.contains("ALTER ROLE \"catalog\" PASSWORD '***';"),
        "{}",
        planned.stdout
    );
    assert!(!file.exists(), "a dry run makes no file");
    let first = data.run(&with("--json")).await.expect_success();
    let rows = list(&first.stdout);
    let passwords = std::fs::read_to_string(&file).expect("it was made");
    assert_eq!(passwords.lines().count(), 8, "one for each module");
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for line in passwords.lines() {
        let password = line.rsplit(':').next().expect("a last field");
        assert!(password.len() >= 32);
        for shown in [&first.stdout, &first.stderr, &planned.stdout] {
            assert!(!shown.contains(password), "{shown}");
        }
    }
    let modules: std::collections::BTreeSet<_> = rows.iter().filter_map(|row| row["module"].as_str()).collect();
    assert_eq!(modules.len(), 8, "{modules:?}");

    // Another test's store has the same roles on this server, and may have set a password in between.
    let again = data.run(&with("--json")).await.expect_success();
    for row in list(&again.stdout) {
        let done = row["done"].as_str().expect("words");
        assert!(done.starts_with("set the password of"), "{row}");
    }
    let without = data
        .run(&["db", "provision", "--logins", "--own-database"])
        .await
        .expect_success();
    assert_eq!(without.stdout.trim(), "Everything was there: nothing was changed.");
}

#[tokio::test]
async fn a_login_without_the_rights_is_told_which() {
    if !is_there(Engine::Postgres) {
        return;
    }
    let (data, _) = provisioned().await;
    let empty = offshoot_tests::new_database().await;
    let args = ["db", "provision", "--as", "catalog", "--database", &empty];
    run(&args).await.expect_error(1, &["`catalog`", "has no right to"]);
    let args = ["db", "migrate", "--as", "catalog", "--database", &empty];
    run(&args)
        .await
        .expect_error(1, &["`catalog`", "offshoot db provision"]);
    let wrong = data.run(&["db", "provision", "--passwords", "x"]).await;
    wrong.expect_error(2, &["required"]);
}

#[tokio::test]
async fn whether_isolation_is_enforced_is_said_by_status_and_at_start() {
    if !is_there(Engine::Postgres) {
        return;
    }
    let (data, url) = provisioned().await;
    let shown = data.run(&["db", "status"]).await.expect_success().stdout;
    assert!(shown.contains("rests on manners: `postgres` is a superuser"), "{shown}");
    let process = data.serve(&[]).await;
    process.logged("isolation rests on manners").await;
    process.stop().await;
    let strict = data.told("OFFSHOOT__POSTGRES__ISOLATION", "require");
    let refused = strict.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    refused.expect_error(
        1,
        &["isolation is required", "`postgres`", "offshoot db provision --logins"],
    );

    let data = strict.through(url.replace("//postgres@", "//{module}@"));
    let shown = data.run(&["db", "status"]).await.expect_success().stdout;
    assert!(shown.contains("enforced: `catalog` reaches nothing else"), "{shown}");
    assert!(!shown.contains("manners"), "{shown}");
    let files = Data::new(Engine::Sqlite).await;
    files.run(&["db", "migrate"]).await.expect_success();
    let shown = files.run(&["db", "status", "--json"]).await.expect_success().stdout;
    for row in list(&shown) {
        assert_eq!(row["isolation"], "a file of its own", "{row}");
    }
}
