//! Each package inherits versions, lints and dependencies from the workspace manifest.

use toml::{Table, Value};

use crate::sources::{File, assert_no_violations, assert_violations, files};

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn from_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// Whether a dependency is a path to a module or to its contract. Modules are not listed in the workspace manifest, so
/// that a new module does not change the manifest.
fn is_module(manifest: &str, dependency: &Value) -> bool {
    let Some(path) = dependency.get("path").and_then(Value::as_str) else {
        return false;
    };
    let mut folders: Vec<_> = manifest.split('/').collect();
    folders.pop();
    for part in path.split('/') {
        match part {
            ".." => {
                folders.pop();
            }
            part => folders.push(part),
        }
    }
    folders.first() == Some(&"modules")
}

fn uninherited_settings(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    let members = files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    for File { path, text } in members {
        let manifest: Table = toml::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        // A workspace of its own inherits nothing.
        if manifest.contains_key("workspace") {
            continue;
        }
        let package = manifest.get("package");
        let own = INHERITED
            .iter()
            .filter(|key| !from_workspace(package.and_then(|package| package.get(**key))));
        violations.extend(own.map(|key| format!("{path}: `{key}` is not inherited from the workspace")));
        if !from_workspace(manifest.get("lints")) {
            violations.push(format!("{path}: the lints are not inherited from the workspace"));
        }
        if manifest.contains_key("target") {
            violations.push(format!(
                "{path}: target-specific dependencies are not inherited from the workspace"
            ));
        }
        let dependencies = DEPENDENCIES
            .iter()
            .filter_map(|kind| manifest.get(*kind)?.as_table())
            .flatten();
        let own =
            dependencies.filter(|(_, dependency)| !from_workspace(Some(dependency)) && !is_module(path, dependency));
        violations.extend(own.map(|(name, _)| format!("{path}: `{name}` is not inherited from the workspace")));
    }
    violations
}

#[test]
fn every_package_inherits_from_the_workspace() {
    assert_no_violations(&uninherited_settings(&files()));
}

#[test]
fn a_package_with_own_settings_is_reported() {
    let good = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true
        license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n";
    let planted = [
        File::new("Cargo.toml", "[workspace.dependencies]\nserde = \"1\""),
        File::new("a/Cargo.toml", good),
        File::new(
            "own/Cargo.toml",
            "[workspace]\n[package]\nname = \"own\"\nversion = \"1.0.0\"",
        ),
        File::new(
            "e/Cargo.toml",
            &good.replace(
                "serde.workspace = true",
                "reviews-api = { path = \"../modules/reviews/api\" }",
            ),
        ),
        File::new(
            "b/Cargo.toml",
            &good.replace("edition.workspace = true", "edition = \"2021\""),
        ),
        File::new(
            "c/Cargo.toml",
            &good.replace("serde.workspace = true", "serde = \"1\"\ntokio = { path = \"t\" }"),
        ),
        File::new("d/Cargo.toml", &good.replace("[lints]", "[lint]")),
    ];
    let expected = [
        "b/Cargo.toml: `edition`",
        "c/Cargo.toml: `serde`",
        "c/Cargo.toml: `tokio`",
        "d/Cargo.toml: the lints",
    ];
    assert_violations(&uninherited_settings(&planted), &expected);
}
