//! The binary as a script sees it: exit codes, data on stdout, everything else on stderr.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn offshoot(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offshoot"));
    command.current_dir(folder).args(arguments).env_remove("RUST_LOG");
    command.output().expect("the binary runs")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

#[test]
fn exit_codes_tell_failure_from_misuse() {
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
            "error: other machines reach this process, and nobody is named who operates it",
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
    let unopened = std::fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(
        unopened, 0,
        "a command that fails before it begins leaves nothing behind"
    );
}

#[test]
fn a_script_reads_the_report_of_an_import_from_stdout() {
    let folder = folder();
    std::fs::write(
        folder.path().join("stock.csv"),
        "code,name,price\nA1,Lamp,2.50\nA2,Bag,x\n",
    )
    .expect("written");
    let import = ["import", "products", "stock.csv", "--column", "sku=code", "--json"];
    let output = offshoot(folder.path(), &import);
    let report: Value = serde_json::from_slice(&output.stdout).expect("only JSON");
    assert_eq!(
        (&report["rows"], &report["added"], &report["bad_rows"]["count"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn the_contracts_are_printed_without_opening_any_data() {
    let folder = folder();
    for module in ["catalog", "carts"] {
        let output = offshoot(folder.path(), &["contract", "openapi", module]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("only JSON");
        assert_eq!(document["info"]["title"], module);
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
}
