//! Each package takes versions, lints and dependencies from the workspace, so that there is one place to look.

use toml::{Table, Value};

use crate::sources::{File, catches, files, keeps};

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn from_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

fn on_their_own(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    let members = files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    for File { path, text } in members {
        let manifest: Table = toml::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let package = manifest.get("package");
        let own = INHERITED
            .iter()
            .filter(|key| !from_workspace(package.and_then(|package| package.get(**key))));
        violations.extend(own.map(|key| format!("{path}: `{key}` is not the workspace's")));
        if !from_workspace(manifest.get("lints")) {
            violations.push(format!("{path}: the lints are not the workspace's"));
        }
        if manifest.contains_key("target") {
            violations.push(format!("{path}: dependencies of one target are not the workspace's"));
        }
        let dependencies = DEPENDENCIES
            .iter()
            .filter_map(|kind| manifest.get(*kind)?.as_table())
            .flatten();
        let own = dependencies.filter(|(_, dependency)| !from_workspace(Some(dependency)));
        violations.extend(own.map(|(name, _)| format!("{path}: `{name}` is not the workspace's")));
    }
    violations
}

#[test]
fn every_package_takes_what_it_can_from_the_workspace() {
    keeps(&on_their_own(&files()));
}

#[test]
fn a_package_with_a_version_of_its_own_is_found() {
    let good = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true
        license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n";
    let planted = [
        File::new("Cargo.toml", "[workspace.dependencies]\nserde = \"1\""),
        File::new("a/Cargo.toml", good),
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
    catches(&on_their_own(&planted), &expected);
}
