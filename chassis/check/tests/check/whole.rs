//! Projects on disk: of the usual layout, of another one, and what is none.

use std::fs;
use std::path::Path;

use offshoot_check::{CheckError, Project, SETTINGS};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("a temporary folder");
    fs::write(path, text).expect("a temporary folder");
}

#[test]
fn a_project_with_a_layout_of_its_own_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    let settings = "modules = \"crates/parts\"\ncontract = \"contract\"\nmigrations = \"crates/parts/{module}/schema\"\n\
                    sql_macro = \"statement\"\nwithout_data = []\n";
    write(root, SETTINGS, settings);
    write(
        root,
        "crates/parts/pump/schema/0001.sql",
        "CREATE TABLE pumps (id int);",
    );
    write(
        root,
        "crates/parts/valve/schema/0001.sql",
        "CREATE TABLE valves (pump int REFERENCES pumps);",
    );
    write(
        root,
        "crates/parts/valve/src/lib.rs",
        "fn f() { statement!(\"SELECT 1 FROM pumps\"); }",
    );
    write(root, "crates/parts/valve/src/target/lib.rs", "built");
    write(root, "crates/other/src/lib.rs", "static A: Mutex<u8> = 0;");
    let found: Vec<_> = Project::read(root)
        .expect("a project")
        .violations()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "crates/parts/valve/schema/0001.sql:1: foreign-key: valve refers to pumps of pump",
            "crates/parts/valve/src/lib.rs:1: foreign-table: valve reaches into pumps of pump",
        ]
    );
}

#[test]
fn what_is_no_project_is_an_error_and_not_a_clean_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = Project::read(folder.path()).expect_err("there is nothing");
    assert!(matches!(error, CheckError::NoModules { .. }), "{error:?}");
    assert!(error.to_string().contains("`modules`"), "{error}");
    write(folder.path(), SETTINGS, "moduls = \"x\"");
    let error = Project::read(folder.path()).expect_err("a word that is none");
    assert!(matches!(error, CheckError::Settings { .. }), "{error:?}");
    assert!(error.to_string().contains("moduls"), "{error}");
}
