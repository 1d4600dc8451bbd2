//! The binary `offshoot` run by a script: exit codes, data on stdout, messages on stderr.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use clap::CommandFactory as _;
use offshoot::cli::Arguments;
use serde_json::Value;

fn offshoot(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offshoot"));
    command.current_dir(folder).args(arguments).env_remove("RUST_LOG");
    command.output().expect("the binary runs")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("the temporary folder is writable")
}

#[test]
fn exit_code_2_is_wrong_usage_and_1_is_a_failure() {
    let folder = folder();
    for (arguments, code, message) in [
        (&["config"][..], 0, ""),
        (
            &["import", "online-retail", "nothing.csv"],
            1,
            "error: cannot open nothing.csv: ",
        ),
        (
            &["--config", "nothing.toml", "config"],
            2,
            "error: cannot read the configuration file nothing.toml: ",
        ),
        (
            &["serve", "--listen", "0.0.0.0:0"],
            2,
            "error: other machines reach this process, but no operator is named",
        ),
        (&["serve", "--only", "nothing"], 2, "error: invalid value 'nothing'"),
        (&["contract", "check"], 1, "error: modules/catalog is not there: "),
    ] {
        let output = offshoot(folder.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with(message), "{arguments:?}: {stderr}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{arguments:?}");
    }
    let left_over = std::fs::read_dir(folder.path())
        .expect("the folder is readable")
        .count();
    assert_eq!(left_over, 0, "a command that fails before it begins leaves no file");
}

#[test]
fn an_import_prints_only_its_report_to_stdout() {
    let folder = folder();
    std::fs::write(
        folder.path().join("stock.csv"),
        "code,name,price\nA1,Lamp,2.50\nA2,Bag,x\n",
    )
    .expect("the folder is writable");
    let import = ["import", "products", "stock.csv", "--column", "sku=code", "--json"];
    let output = offshoot(folder.path(), &import);
    let report: Value = serde_json::from_slice(&output.stdout).expect("stdout is JSON");
    assert_eq!(
        (&report["rows"], &report["added"], &report["bad_rows"]["count"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn printing_a_contract_opens_no_data() {
    let folder = folder();
    for module in ["catalog", "carts"] {
        let output = offshoot(folder.path(), &["contract", "openapi", module]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("stdout is JSON");
        assert_eq!(document["info"]["title"], module);
    }
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder is readable")
            .count(),
        0
    );
}

/// Commands that work on a store that exists already, with the arguments that they need.
const ON_A_STORE: [&str; 14] = [
    "backup create --to copy",
    "doctor",
    "events dead-letters",
    "events rebuild storefront-products",
    "events replay storefront-products --from 1",
    "events retry storefront-products --all",
    "events skip storefront-products 1",
    "events status",
    "replay online-retail stock.csv",
    "replay proofs",
    "sagas list",
    "sagas retry --stuck",
    "sagas show 1",
    "sagas undo 1",
];
/// Commands that create a store, print where they look for one, or need none.
const OTHERS: [&str; 36] = [
    "backup restore",
    "backup verify",
    "check",
    "config",
    "contract check",
    "contract openapi",
    "contract release",
    "contract show",
    "contract test",
    "db migrate",
    "db provision",
    "db status",
    "demo split",
    "demo strangler",
    "import online-retail",
    "import products",
    "placement set",
    "placement show",
    "serve",
    "strangler advance",
    "strangler diffs",
    "strangler end",
    "strangler history",
    "strangler ignore",
    "strangler pause",
    "strangler plan",
    "strangler resume",
    "strangler rollback",
    "strangler set",
    "strangler start",
    "strangler status",
    "strangler waive",
    "token operator",
    "token order",
    "token service",
    "topology",
];

/// The names of all commands, such as `events status`.
fn command_names(command: &clap::Command, parents: &str, names: &mut BTreeSet<String>) {
    for child in command.get_subcommands() {
        let name = format!("{parents}{}", child.get_name());
        if child.has_subcommands() {
            command_names(child, &format!("{name} "), names);
        } else {
            names.insert(name);
        }
    }
}

#[test]
fn the_test_knows_for_every_command_whether_it_needs_a_store() {
    let mut names = BTreeSet::new();
    command_names(&Arguments::command(), "", &mut names);
    let known = ON_A_STORE.iter().chain(&OTHERS);
    let known: BTreeSet<String> = known
        .map(|line| {
            names
                .iter()
                .find(|name| line.starts_with(*name))
                .unwrap_or_else(|| panic!("{line}"))
                .clone()
        })
        .collect();
    assert_eq!(known, names);
}

#[test]
fn a_directory_without_a_store_is_refused_and_stays_empty() {
    let folder = folder();
    let data = folder.path().canonicalize().expect("it is there").join("data");
    for line in ON_A_STORE {
        let output = offshoot(folder.path(), &line.split(' ').collect::<Vec<_>>());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let expected = format!("error: there is no store in sqlite:{}: ", data.display());
        assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
        assert!(stderr.starts_with(&expected), "{line}: {stderr}");
        assert!(output.stdout.is_empty(), "{line}");
        let entries = std::fs::read_dir(folder.path()).expect("it is there").count();
        assert_eq!(entries, 0, "{line} created something");
    }
}

#[test]
fn a_command_names_the_store_that_it_works_on() {
    let folder = folder();
    let data = folder.path().canonicalize().expect("it is there").join("data");
    std::fs::write(folder.path().join("stock.csv"), "sku,name,price\nA1,Lamp,2.50\n").expect("written");
    let imported = offshoot(folder.path(), &["import", "products", "stock.csv"]);
    assert!(imported.status.success());
    for line in ON_A_STORE {
        let output = offshoot(folder.path(), &line.split(' ').collect::<Vec<_>>());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let expected = format!("store in sqlite:{}\n", data.display());
        assert!(stderr.starts_with(&expected), "{line}: {stderr}");
    }
}

#[test]
fn doctor_reports_a_database_that_cannot_be_read() {
    let folder = folder();
    std::fs::write(folder.path().join("stock.csv"), "sku,name,price\nA1,Lamp,2.50\n").expect("written");
    let imported = offshoot(folder.path(), &["import", "products", "stock.csv"]);
    assert!(imported.status.success());
    let damaged = folder.path().join("data/reporting.db");
    std::fs::write(damaged, "not a database ".repeat(512)).expect("written");
    let output = offshoot(folder.path(), &["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("only JSON");
    assert_eq!(output.status.code(), Some(1));
    let findings = report["findings"].as_array().expect("a list of findings");
    assert!(
        findings.iter().any(|finding| finding["module"] == "reporting"),
        "{findings:#?}"
    );
}
