//! `offshoot check` on this project, and on a project of somebody else that adopts it step by step.

use std::fs;
use std::path::Path;

use offshoot_tests::{Finished, run};
use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn write(root: &TempDir, path: &str, text: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("a temporary folder");
    fs::write(path, text).expect("a temporary folder");
}

fn name(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

async fn check(root: &TempDir, more: &[&str]) -> Finished {
    run(&[&["check", "--root", name(root.path())], more].concat()).await
}

#[tokio::test]
async fn this_project_breaks_none_of_the_rules() {
    let done = run(&["check", "--root", ROOT]).await.expect_success();
    assert_eq!(done.stdout, "8 modules, 0 violations\n");
}

#[tokio::test]
async fn another_project_adopts_the_rules_step_by_step() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let source = "modules/pumps/src/lib.rs";
    write(
        &root,
        source,
        "static SEEN: Mutex<u8> = Mutex::new(0);\nconst ALL: &str = \"SELECT 1\";\n",
    );
    write(
        &root,
        "modules/valves/src/lib.rs",
        "fn f() { sql!(\"DELETE FROM pumps\"); }\n",
    );
    write(&root, "migrations/pumps/0001.sql", "CREATE TABLE pumps (id bigint);\n");

    let done = check(&root, &[]).await;
    assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
    assert_eq!(
        done.stdout.lines().collect::<Vec<_>>(),
        [
            "modules/pumps/src/lib.rs:1: state: `SEEN` keeps a Mutex between calls: keep it in the module's data, or say why it may differ",
            "modules/pumps/src/lib.rs:2: sql: SELECT outside of sql!",
            "modules/valves/src/lib.rs:1: foreign-table: valves reaches into pumps of pumps",
            "2 modules, 3 violations",
        ]
    );

    let baseline = root.path().join("known");
    let known = ["--baseline", name(&baseline)];
    check(&root, &known)
        .await
        .expect_error(1, &["known", "--write-baseline"]);
    check(&root, &[known[0], known[1], "--write-baseline"])
        .await
        .expect_success();
    let done = check(&root, &known).await.expect_success();
    assert_eq!(done.stdout, "2 modules, 0 new violations, 3 in the baseline\n");

    // What moves stays known; what is new is told; what is mended is stale.
    let moved = "//! Pumps.\n\nconst ALL: &str = \"SELECT 1\";\nstatic TWICE: Mutex<u8> = Mutex::new(0);\n";
    write(&root, source, moved);
    let done = check(&root, &[known[0], known[1], "--json"]).await;
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stderr.contains("--write-baseline"), "{}", done.stderr);
    let report: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!(report["known"], 2);
    let new = report["violations"].as_array().expect("a list");
    assert_eq!(new.len(), 1, "{report}");
    assert_eq!(
        (&new[0]["path"], &new[0]["line"], &new[0]["rule"]),
        (&Value::from(source), &Value::from(4), &Value::from("state"))
    );
    let stale = report["stale"][0].as_str().expect("a line");
    assert!(stale.starts_with("state modules/pumps/src/lib.rs `SEEN`"), "{stale}");

    // Nothing new, and still not done: a stale line would hide the next one of its kind.
    write(&root, source, "const ALL: &str = \"SELECT 1\";\n");
    let done = check(&root, &known).await;
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.starts_with("stale: state modules/pumps"), "{}", done.stdout);
}

#[tokio::test]
async fn a_folder_that_is_no_project_is_wrong_usage() {
    let root = tempfile::tempdir().expect("a temporary folder");
    check(&root, &[]).await.expect_error(2, &["`modules`", "--root"]);
    check(&root, &["--write-baseline"]).await.expect_error(2, &["required"]);
    // A domain of its own that has no modules: nothing was checked, and nobody is told that all is well.
    let other = format!("{ROOT}/tests/second-domain");
    run(&["check", "--root", &other])
        .await
        .expect_error(2, &["second-domain"]);
}
