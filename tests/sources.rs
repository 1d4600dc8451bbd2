//! The project's own files as data, so that a rule is a function of them and can be shown to fail on planted ones.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use offshoot_check::{File, Token};

/// Kinds of files that people write.
const KINDS: [&str; 7] = ["rs", "toml", "md", "sql", "json", "sh", "py"];
/// Folders that hold nothing written: what cargo builds, what git keeps, what a store leaves behind.
const NOT_OURS: [&str; 3] = ["target", ".git", "data"];

/// The project's root.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests are a folder of the project")
        .to_owned()
}

/// Every text file of the project, in order of path.
pub(crate) fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    assert!(files.len() > 100, "these are not the project's files");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let path = entry.expect("a folder of the project can be read").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("names are UTF-8")
            .to_owned();
        let from_root = format!("{prefix}{name}");
        if path.is_dir() {
            if !(NOT_OURS.contains(&name.as_str()) && prefix.is_empty()) {
                collect(&path, &format!("{from_root}/"), files);
            }
        } else if KINDS.contains(&from_root.rsplit('.').next().unwrap_or_default()) || prefix == ".ci/" {
            files.push(File::new(
                &from_root,
                &fs::read_to_string(&path).expect("people write UTF-8"),
            ));
        }
    }
}

/// The tokens of Rust source in order, brackets included.
pub(crate) fn tokens(file: &File) -> Vec<Token> {
    offshoot_check::tokens(file).unwrap_or_else(|error| panic!("{}:{}: {}", file.path, error.line, error.reason))
}

/// Fails the test with everything that breaks its rule.
#[track_caller]
pub(crate) fn keeps(violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{} violations:\n  {}",
        violations.len(),
        violations.join("\n  ")
    );
}

/// The twin of a rule: sees that it finds what was planted, each of `expected` once and nothing else.
#[track_caller]
pub(crate) fn catches(violations: &[String], expected: &[&str]) {
    let found = violations
        .iter()
        .zip(expected)
        .all(|(found, part)| found.contains(part));
    assert!(
        found && violations.len() == expected.len(),
        "found {violations:#?}, expected {expected:#?}"
    );
}
