//! `offshoot check` on this project and on a project that adopts the rules step by step.

use std::fs;
use std::path::Path;

use offshoot_tests::{CommandOutput, run_offshoot};
use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn write(root: &TempDir, path: &str, text: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().expect("the path has a parent folder")).expect("the temporary folder is writable");
    fs::write(path, text).expect("the temporary folder is writable");
}

fn as_str(path: &Path) -> &str {
    path.to_str().expect("temporary folders have UTF-8 names")
}

async fn check(root: &TempDir, more: &[&str]) -> CommandOutput {
    run_offshoot(&[&["check", "--root", as_str(root.path())], more].concat()).await
}

#[tokio::test]
async fn this_project_has_no_violations() {
    let done = run_offshoot(&["check", "--root", ROOT]).await.expect_success();
    assert_eq!(done.stdout, "8 modules, 0 violations\n");
}

#[tokio::test]
async fn another_project_adopts_the_rules_step_by_step() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
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
            "modules/pumps/src/lib.rs:1: state: `SEEN` keeps a Mutex between calls: move the state into the module's data, or allow it with a reason",
            "modules/pumps/src/lib.rs:2: sql: SELECT outside of sql!",
            "modules/valves/src/lib.rs:1: foreign-table: valves accesses table pumps of pumps",
            "2 modules, 3 violations",
        ]
    );

    let baseline = root.path().join("known");
    let known = ["--baseline", as_str(&baseline)];
    check(&root, &known)
        .await
        .expect_error(1, &["known", "--write-baseline"]);
    check(&root, &[known[0], known[1], "--write-baseline"])
        .await
        .expect_success();
    let done = check(&root, &known).await.expect_success();
    assert_eq!(done.stdout, "2 modules, 0 new violations, 3 in the baseline\n");

    // Moved violations stay in the baseline; new violations are reported; a baseline line without a violation is stale.
    let moved = "//! Pumps.\n\nconst ALL: &str = \"SELECT 1\";\nstatic TWICE: Mutex<u8> = Mutex::new(0);\n";
    write(&root, source, moved);
    let done = check(&root, &[known[0], known[1], "--json"]).await;
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stderr.contains("--write-baseline"), "{}", done.stderr);
    let report: Value = serde_json::from_str(&done.stdout).expect("stdout is JSON");
    assert_eq!(report["known"], 2);
    let new = report["violations"].as_array().expect("violations are a list");
    assert_eq!(new.len(), 1, "{report}");
    assert_eq!(
        (&new[0]["path"], &new[0]["line"], &new[0]["rule"]),
        (&Value::from(source), &Value::from(4), &Value::from("state"))
    );
    let stale = report["stale"][0].as_str().expect("a stale line is a string");
    assert!(stale.starts_with("state modules/pumps/src/lib.rs `SEEN`"), "{stale}");

    // A stale baseline line alone fails the check, because the line would hide the next violation of the same kind.
    write(&root, source, "const ALL: &str = \"SELECT 1\";\n");
    let done = check(&root, &known).await;
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.starts_with("stale: state modules/pumps"), "{}", done.stdout);
}

#[tokio::test]
async fn a_folder_without_modules_is_a_usage_error() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    check(&root, &[]).await.expect_error(2, &["`modules`", "--root"]);
    check(&root, &["--write-baseline"]).await.expect_error(2, &["required"]);
    // A project without a `modules` folder: nothing was checked, so the command must not report success.
    let other = format!("{ROOT}/tests/second-domain");
    run_offshoot(&["check", "--root", &other])
        .await
        .expect_error(2, &["second-domain"]);
}
