//! The project's files as data, so that a rule is a function of files and can be tested on planted violations.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use offshoot_check::{File, Token};

/// Extensions of handwritten files.
const EXTENSIONS: [&str; 7] = ["rs", "toml", "md", "sql", "json", "sh", "py"];
/// Top-level folders without handwritten files: build output, git's data, the data of a running store.
const EXCLUDED_FOLDERS: [&str; 3] = ["target", ".git", "data"];

/// The workspace root.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the test crate is inside the workspace")
        .to_owned()
}

/// Every handwritten file of the project, sorted by path.
pub(crate) fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    assert!(files.len() > 100, "found too few files to be the project");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a project folder is readable") {
        let path = entry.expect("a project folder is readable").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("file names are UTF-8")
            .to_owned();
        let from_root = format!("{prefix}{name}");
        if path.is_dir() {
            if !(EXCLUDED_FOLDERS.contains(&name.as_str()) && prefix.is_empty()) {
                collect(&path, &format!("{from_root}/"), files);
            }
        } else if EXTENSIONS.contains(&from_root.rsplit('.').next().unwrap_or_default()) || prefix == ".ci/" {
            files.push(File::new(
                &from_root,
                &fs::read_to_string(&path).expect("a handwritten file is UTF-8"),
            ));
        }
    }
}

/// The tokens of a Rust file in order, including brackets.
pub(crate) fn tokens(file: &File) -> Vec<Token> {
    offshoot_check::tokenize(file).unwrap_or_else(|error| panic!("{}:{}: {}", file.path, error.line, error.reason))
}

/// Panics with the list of violations, if there are any.
#[track_caller]
pub(crate) fn assert_no_violations(violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{} violations:\n  {}",
        violations.len(),
        violations.join("\n  ")
    );
}

/// Asserts that a rule reports exactly the planted violations: each contains the expected part, in order. Shows that
/// the rule can fail.
#[track_caller]
pub(crate) fn assert_violations(violations: &[String], expected: &[&str]) {
    let found = violations
        .iter()
        .zip(expected)
        .all(|(found, part)| found.contains(part));
    assert!(
        found && violations.len() == expected.len(),
        "found {violations:#?}, expected {expected:#?}"
    );
}
