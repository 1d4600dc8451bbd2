//! Which package may depend on which, from the manifests as cargo reads them. Test dependencies count.

use std::process::Command;

use serde_json::Value;

use crate::sources::{catches, keeps, root};

/// What a contract's crate needs to be written.
const OUTSIDE_OF_A_CONTRACT: [&str; 4] = ["async-trait", "schemars", "serde", "thiserror"];
/// The one crate of the chassis that a contract is made with.
const CONTRACT: &str = "offshoot-contract";

#[derive(Debug)]
struct Package {
    name: String,
    /// From the root.
    folder: String,
    dependencies: Vec<String>,
}

/// What a package is, by its folder.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    App,
    Chassis,
    Api,
    Implementation,
    /// Journeys and benchmarks may use everything; a second domain is a user of the chassis.
    Tests,
    SecondDomain,
}

impl Package {
    fn part(&self) -> Part {
        match self.folder.split('/').collect::<Vec<_>>()[..] {
            ["app"] => Part::App,
            ["chassis", _] => Part::Chassis,
            ["modules", _, "api"] => Part::Api,
            ["modules", _] => Part::Implementation,
            ["tests", "second-domain"] => Part::SecondDomain,
            ["tests", ..] => Part::Tests,
            _ => panic!("the layout has no folder {}", self.folder),
        }
    }

    fn name_by_folder(&self) -> Option<String> {
        match self.folder.split('/').collect::<Vec<_>>()[..] {
            ["chassis", mechanism] => Some(format!("offshoot-{mechanism}")),
            ["modules", module, "api"] => Some(format!("{module}-api")),
            ["modules", module] => Some(module.to_owned()),
            _ => None,
        }
    }
}

fn may_know(package: &Package, part: &Part) -> bool {
    use Part::{Api, App, Chassis, Implementation, SecondDomain, Tests};
    match package.part() {
        App => matches!(part, Implementation | Api | Chassis),
        Implementation => matches!(part, Api | Chassis),
        // Of the chassis one crate only, see below.
        Api => matches!(part, Api | Chassis),
        Chassis | SecondDomain => matches!(part, Chassis),
        Tests => *part != Tests,
    }
}

fn misplaced(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages {
        let name = &package.name;
        if let Some(by_folder) = package.name_by_folder().filter(|by_folder| by_folder != name) {
            violations.push(format!("{name} in {} is called {by_folder}", package.folder));
        }
        for dependency in &package.dependencies {
            let ours = packages.iter().find(|package| package.name == *dependency);
            let allowed = match ours {
                Some(ours) if package.part() == Part::Api && ours.part() == Part::Chassis => dependency == CONTRACT,
                Some(ours) => may_know(package, &ours.part()),
                None => package.part() != Part::Api || OUTSIDE_OF_A_CONTRACT.contains(&dependency.as_str()),
            };
            if !allowed {
                violations.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    violations
}

fn packages() -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = cargo
        .current_dir(root())
        .output()
        .expect("the cargo that built this test can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().expect("cargo's names and paths are texts").to_owned();
    let workspace = text(&metadata["workspace_root"]);
    let list = |value: &Value| value.as_array().expect("cargo lists them").clone();
    let packages = list(&metadata["packages"]).into_iter().map(|package| Package {
        name: text(&package["name"]),
        folder: text(&package["manifest_path"])
            .trim_start_matches(&workspace)
            .trim_start_matches('/')
            .trim_end_matches("/Cargo.toml")
            .to_owned(),
        dependencies: list(&package["dependencies"])
            .iter()
            .map(|dependency| text(&dependency["name"]))
            .collect(),
    });
    packages.collect()
}

#[test]
fn each_package_knows_only_those_it_may() {
    keeps(&misplaced(&packages()));
}

#[test]
fn a_package_that_knows_too_much_is_found() {
    let package = |name: &str, folder: &str, dependencies: &[&str]| Package {
        name: name.to_owned(),
        folder: folder.to_owned(),
        dependencies: dependencies.iter().copied().map(str::to_owned).collect(),
    };
    let planted = [
        package("offshoot", "app", &["catalog", "carts-api", "offshoot-tests"]),
        package(
            "offshoot-db",
            "chassis/db",
            &["offshoot-contract", "sqlx", "catalog-api"],
        ),
        package("offshoot-contract", "chassis/contract", &[]),
        package(
            "catalog",
            "modules/catalog",
            &["catalog-api", "offshoot-db", "offshoot"],
        ),
        package(
            "catalog-api",
            "modules/catalog/api",
            &["offshoot-contract", "serde", "offshoot-db", "axum"],
        ),
        package("carts", "modules/carts", &["catalog-api", "catalog"]),
        package("carts-contract", "modules/carts/api", &["catalog-api"]),
        package("second-domain", "tests/second-domain", &["offshoot-db", "catalog-api"]),
        package("offshoot-tests", "tests", &["offshoot", "catalog", "offshoot-db"]),
    ];
    let expected = [
        "offshoot must not depend on offshoot-tests",
        "offshoot-db must not depend on catalog-api",
        "catalog must not depend on offshoot",
        "catalog-api must not depend on offshoot-db",
        "catalog-api must not depend on axum",
        "carts must not depend on catalog",
        "carts-contract in modules/carts/api is called carts-api",
        "second-domain must not depend on catalog-api",
    ];
    catches(&misplaced(&planted), &expected);
}
