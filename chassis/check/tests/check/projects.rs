//! Projects on disk: a custom layout, a folder without modules, and invalid settings.

use std::fs;
use std::path::Path;

use offshoot_check::{CheckError, Project, SETTINGS};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("the path has a folder")).expect("the folder can be created");
    fs::write(path, text).expect("the file can be written");
}

#[test]
fn a_project_with_a_custom_layout_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
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
        .expect("the project can be read")
        .violations()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "crates/parts/valve/schema/0001.sql:1: foreign-key: valve references table pumps of pump",
            "crates/parts/valve/src/lib.rs:1: foreign-table: valve accesses table pumps of pump",
        ]
    );
}

#[test]
fn a_folder_without_modules_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
    let error = Project::read(folder.path()).expect_err("the folder has no modules");
    assert!(matches!(error, CheckError::NoModules { .. }), "{error:?}");
    assert!(error.to_string().contains("`modules`"), "{error}");
    write(folder.path(), SETTINGS, "moduls = \"x\"");
    let error = Project::read(folder.path()).expect_err("the settings have an unknown key");
    assert!(matches!(error, CheckError::Settings { .. }), "{error:?}");
    assert!(error.to_string().contains("moduls"), "{error}");
}
