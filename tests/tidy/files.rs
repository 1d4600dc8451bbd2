//! Source files are short, start with their purpose, and contain nothing unfinished or machine-specific.

use crate::sources::{File, assert_no_violations, assert_violations, files};

/// Hard limit. The aim is 200 lines.
const LINES_MAX: usize = 500;

/// Golden files are macro output, compared verbatim; the comparing test states their purpose.
fn is_handwritten(file: &File) -> bool {
    !file.path.contains("/golden/")
}

fn missing_headers(files: &[File]) -> Vec<String> {
    let headless = files
        .iter()
        .filter(|file| file.is_rust() && is_handwritten(file) && !file.text.starts_with("//! "));
    headless
        .map(|file| format!("{} does not begin with a `//!` header", file.path))
        .collect()
}

fn length_violations(files: &[File]) -> Vec<String> {
    let lengths = files
        .iter()
        .filter(|file| file.is_rust())
        .map(|file| (&file.path, file.text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect()
}

/// Texts that no file may contain. The texts are assembled, so that this file does not contain them.
fn unwanted() -> Vec<String> {
    let folders = ["work", "home", "root", "Users"].map(|folder| format!("/{folder}/"));
    let marks = ["TO", "FIX"]
        .into_iter()
        .zip(["DO", "ME"])
        .map(|(a, b)| format!("{a}{b}"));
    let unfinished = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let ignored_test = format!("#[{}", "ignore");
    folders
        .into_iter()
        .chain(marks)
        .chain(unfinished)
        .chain([ignored_test])
        .collect()
}

fn unwanted_texts(files: &[File]) -> Vec<String> {
    let unwanted = unwanted();
    let mut violations = Vec::new();
    for file in files {
        for (number, line) in (1..).zip(file.text.lines()) {
            let found = unwanted.iter().filter(|text| line.contains(*text));
            violations.extend(found.map(|text| format!("{}:{number} has `{text}`", file.path)));
        }
    }
    violations
}

#[test]
fn every_source_file_starts_with_its_purpose() {
    assert_no_violations(&missing_headers(&files()));
}

#[test]
fn a_source_file_without_a_header_is_reported() {
    let planted = [
        File::new("a.rs", "//! Adds.\n"),
        File::new("b.rs", "use std::fs;\n"),
        File::new("c.rs", "//!\n"),
        File::new("macros/golden/d.rs", "struct D;"),
        File::new("e.md", "# E"),
    ];
    assert_violations(&missing_headers(&planted), &["b.rs", "c.rs"]);
}

#[test]
fn no_source_file_is_long() {
    assert_no_violations(&length_violations(&files()));
}

#[test]
fn a_long_source_file_is_reported() {
    let planted = [
        File::new("short.rs", &"\n".repeat(500)),
        File::new("long.rs", &"\n".repeat(501)),
    ];
    assert_violations(&length_violations(&planted), &["long.rs has 501 lines"]);
}

#[test]
fn no_file_is_unfinished_or_machine_specific() {
    assert_no_violations(&unwanted_texts(&files()));
}

#[test]
fn unfinished_and_machine_specific_text_is_reported() {
    for text in unwanted() {
        let planted = [File::new("a.rs", &format!("//! Fine: /api/v1/, to do.\n// x{text}y\n"))];
        assert_violations(&unwanted_texts(&planted), &["a.rs:2"]);
    }
}
