//! `offshoot db provision`: an administrator creates schemas and logins once. Running the store needs no such right.

use std::os::unix::fs::PermissionsExt as _;

use offshoot_tests::{Data, Engine, run_offshoot};
use serde_json::Value;

use super::is_available;
use super::isolation::provision_logins;

fn parse_list(stdout: &str) -> Vec<Value> {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("stdout is not a JSON list: {error}: {stdout}"))
}

#[tokio::test]
async fn a_second_provisioning_changes_nothing() {
    if !is_available(Engine::Postgres) {
        return;
    }
    let data = Data::new(Engine::Postgres).await;
    let file = data.folder().join("made-up");
    let name = file.to_str().expect("the path is UTF-8");
    let provision = ["db", "provision", "--logins", "--own-database", "--passwords", name];
    let with = |more: &'static str| [&provision[..], &[more]].concat();

    let planned = data.run_command(&with("--dry-run")).await.expect_success();
    assert!(
        planned.stdout.contains("ALTER ROLE \"catalog\" PASSWORD '***';"),
        "{}",
        planned.stdout
    );
    assert!(!file.exists(), "a dry run writes no file");
    let first = data.run_command(&with("--json")).await.expect_success();
    let rows = parse_list(&first.stdout);
    let passwords = std::fs::read_to_string(&file).expect("provisioning wrote the password file");
    assert_eq!(
        passwords.lines().count(),
        9,
        "one password for each module, and one for `control`"
    );
    let mode = std::fs::metadata(&file)
        .expect("the password file exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for line in passwords.lines() {
        let password = line.rsplit(':').next().expect("a line has a last field");
        assert!(password.len() >= 32);
        for shown in [&first.stdout, &first.stderr, &planned.stdout] {
            assert!(!shown.contains(password), "{shown}");
        }
    }
    let modules: std::collections::BTreeSet<_> = rows.iter().filter_map(|row| row["module"].as_str()).collect();
    assert_eq!(modules.len(), 9, "{modules:?}");

    // Roles are shared by all databases of this server, so another test may have set a password in between.
    let again = data.run_command(&with("--json")).await.expect_success();
    for row in parse_list(&again.stdout) {
        let done = row["done"].as_str().expect("a description is a string");
        assert!(done.starts_with("set the password of"), "{row}");
    }
    let without = data
        .run_command(&["db", "provision", "--logins", "--own-database"])
        .await
        .expect_success();
    assert_eq!(without.stdout.trim(), "Everything was there: nothing was changed.");
}

#[tokio::test]
async fn a_login_with_insufficient_rights_gets_the_missing_right() {
    if !is_available(Engine::Postgres) {
        return;
    }
    let (data, _) = provision_logins().await;
    let empty = offshoot_tests::create_database().await;
    let args = ["db", "provision", "--as", "catalog", "--database", empty.url()];
    run_offshoot(&args)
        .await
        .expect_error(1, &["`catalog`", "has no right to"]);
    let args = ["db", "migrate", "--as", "catalog", "--database", empty.url()];
    run_offshoot(&args)
        .await
        .expect_error(1, &["`catalog`", "offshoot db provision"]);
    let wrong = data.run_command(&["db", "provision", "--passwords", "x"]).await;
    wrong.expect_error(2, &["required"]);
}

#[tokio::test]
async fn status_and_startup_report_whether_isolation_is_enforced() {
    if !is_available(Engine::Postgres) {
        return;
    }
    let (data, url) = provision_logins().await;
    let shown = data.run_command(&["db", "status"]).await.expect_success().stdout;
    assert!(shown.contains("not enforced: `postgres` is a superuser"), "{shown}");
    let process = data.serve(&[]).await;
    process.wait_for_log("the database does not enforce isolation").await;
    process.stop().await;
    let strict = data.with_environment("OFFSHOOT__POSTGRES__ISOLATION", "require");
    let refused = strict.run_command(&["serve", "--listen", "127.0.0.1:0"]).await;
    refused.expect_error(
        1,
        &["isolation is required", "`postgres`", "offshoot db provision --logins"],
    );

    let data = strict.with_database(url.replace("//postgres@", "//{module}@"));
    let shown = data.run_command(&["db", "status"]).await.expect_success().stdout;
    assert!(shown.contains("enforced: `catalog` reaches nothing else"), "{shown}");
    assert!(!shown.contains("does not enforce isolation"), "{shown}");
    let files = Data::new(Engine::Sqlite).await;
    files.run_command(&["db", "migrate"]).await.expect_success();
    let shown = files
        .run_command(&["db", "status", "--json"])
        .await
        .expect_success()
        .stdout;
    for row in parse_list(&shown) {
        assert_eq!(row["isolation"], "a file of its own", "{row}");
    }
}
