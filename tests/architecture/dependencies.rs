//! Allowed dependencies between packages, from `cargo metadata`. Dev-dependencies count.

use std::process::Command;

use serde_json::Value;

use crate::sources::{assert_no_violations, assert_violations, root};

/// The external crates that a contract crate may use.
const EXTERNAL_OF_A_CONTRACT: [&str; 4] = ["async-trait", "schemars", "serde", "thiserror"];
/// The only chassis crate that a contract crate may use.
const CONTRACT: &str = "offshoot-contract";
/// The chassis crate of sockets and bodies, for clients of contracts that serve HTTP themselves.
const LISTENER: &str = "offshoot-listener";

#[derive(Debug)]
struct Package {
    name: String,
    /// Relative to the workspace root.
    folder: String,
    dependencies: Vec<String>,
}

/// The role of a package, determined by the folder.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    App,
    /// The public API and the tools: clients of the store's contracts.
    Client,
    Chassis,
    Api,
    Implementation,
    /// Tests and benchmarks may use everything; the second domain is a user of the chassis.
    Tests,
    SecondDomain,
}

impl Package {
    fn part(&self) -> Part {
        match self.folder.split('/').collect::<Vec<_>>()[..] {
            ["app"] => Part::App,
            ["app", _] => Part::Client,
            ["chassis", _] => Part::Chassis,
            ["modules", _, "api"] => Part::Api,
            ["modules", _] => Part::Implementation,
            ["tests", "second-domain"] => Part::SecondDomain,
            ["tests", ..] => Part::Tests,
            _ => panic!("no role is defined for packages in {}", self.folder),
        }
    }

    fn name_by_folder(&self) -> Option<String> {
        match self.folder.split('/').collect::<Vec<_>>()[..] {
            ["app", tool] => Some(format!("offshoot-{tool}")),
            ["chassis", mechanism] => Some(format!("offshoot-{mechanism}")),
            ["modules", module, "api"] => Some(format!("{module}-api")),
            ["modules", module] => Some(module.to_owned()),
            _ => None,
        }
    }
}

fn may_depend_on(package: &Package, part: &Part) -> bool {
    use Part::{Api, App, Chassis, Client, Implementation, SecondDomain, Tests};
    match package.part() {
        App => matches!(part, Client | Implementation | Api | Chassis),
        // Only two chassis crates; checked in `dependency_violations`.
        Client => matches!(part, Client | Api | Chassis),
        Implementation => matches!(part, Api | Chassis),
        // Only one chassis crate; checked in `dependency_violations`.
        Api => matches!(part, Api | Chassis),
        Chassis | SecondDomain => matches!(part, Chassis),
        Tests => *part != Tests,
    }
}

fn dependency_violations(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages {
        let name = &package.name;
        if let Some(by_folder) = package.name_by_folder().filter(|by_folder| by_folder != name) {
            violations.push(format!("{name} in {} must be called {by_folder}", package.folder));
        }
        for dependency in &package.dependencies {
            let own = packages.iter().find(|package| package.name == *dependency);
            let allowed = match own {
                Some(own) if matches!(package.part(), Part::Api | Part::Client) && own.part() == Part::Chassis => {
                    dependency == CONTRACT || (package.part() == Part::Client && dependency == LISTENER)
                }
                Some(own) => may_depend_on(package, &own.part()),
                None => package.part() != Part::Api || EXTERNAL_OF_A_CONTRACT.contains(&dependency.as_str()),
            };
            if !allowed {
                violations.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    violations
}

/// The workspace's packages, and the second domain, which has a workspace of its own.
fn packages() -> Vec<Package> {
    let mut packages = packages_below("");
    packages.extend(packages_below("tests/second-domain"));
    packages
}

fn packages_below(folder: &str) -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = cargo.current_dir(root().join(folder)).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().expect("cargo's names and paths are strings").to_owned();
    let workspace = root().display().to_string();
    let list = |value: &Value| value.as_array().expect("cargo prints a list").clone();
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
fn every_package_has_only_allowed_dependencies() {
    assert_no_violations(&dependency_violations(&packages()));
}

#[test]
fn a_forbidden_dependency_is_reported() {
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
        package(
            "offshoot-replay",
            "app/replay",
            &["catalog-api", "offshoot-db", "carts"],
        ),
    ];
    let expected = [
        "offshoot must not depend on offshoot-tests",
        "offshoot-db must not depend on catalog-api",
        "catalog must not depend on offshoot",
        "catalog-api must not depend on offshoot-db",
        "catalog-api must not depend on axum",
        "carts must not depend on catalog",
        "carts-contract in modules/carts/api must be called carts-api",
        "second-domain must not depend on catalog-api",
        "offshoot-replay must not depend on offshoot-db",
        "offshoot-replay must not depend on carts",
    ];
    assert_violations(&dependency_violations(&planted), &expected);
}
