//! Files are short, say first what they are for, and hold nothing that is unfinished or belongs to one machine.

use crate::sources::{File, catches, files, keeps};

/// The end. 200 is the aim.
const MOST_LINES: usize = 500;

/// What the macro writes is compared as it comes; the file that compares it says what it is.
fn is_written_by_hand(file: &File) -> bool {
    !file.path.contains("/golden/")
}

fn without_purpose(files: &[File]) -> Vec<String> {
    let silent = files
        .iter()
        .filter(|file| file.is_rust() && is_written_by_hand(file) && !file.text.starts_with("//! "));
    silent
        .map(|file| format!("{} does not begin with `//!` and what it is for", file.path))
        .collect()
}

fn too_long(files: &[File]) -> Vec<String> {
    let lengths = files
        .iter()
        .filter(|file| file.is_rust())
        .map(|file| (&file.path, file.text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect()
}

/// Texts that no file has. Written so that this file has none of them either.
fn unwanted() -> Vec<String> {
    let folders = ["work", "home", "root", "Users"].map(|folder| format!("/{folder}/"));
    let marks = ["TO", "FIX"]
        .into_iter()
        .zip(["DO", "ME"])
        .map(|(a, b)| format!("{a}{b}"));
    let unfinished = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let left_out = format!("#[{}", "ignore");
    folders
        .into_iter()
        .chain(marks)
        .chain(unfinished)
        .chain([left_out])
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
fn every_source_file_says_first_what_it_is_for() {
    keeps(&without_purpose(&files()));
}

#[test]
fn a_source_file_without_a_purpose_is_found() {
    let planted = [
        File::new("a.rs", "//! Adds.\n"),
        File::new("b.rs", "use std::fs;\n"),
        File::new("c.rs", "//!\n"),
        File::new("macros/golden/d.rs", "struct D;"),
        File::new("e.md", "# E"),
    ];
    catches(&without_purpose(&planted), &["b.rs", "c.rs"]);
}

#[test]
fn no_source_file_is_long() {
    keeps(&too_long(&files()));
}

#[test]
fn a_long_source_file_is_found() {
    let planted = [
        File::new("short.rs", &"\n".repeat(500)),
        File::new("long.rs", &"\n".repeat(501)),
    ];
    catches(&too_long(&planted), &["long.rs has 501 lines"]);
}

#[test]
fn nothing_is_unfinished_or_of_one_machine() {
    keeps(&unwanted_texts(&files()));
}

#[test]
fn what_is_unfinished_or_of_one_machine_is_found() {
    for text in unwanted() {
        let planted = [File::new("a.rs", &format!("//! Fine: /api/v1/, to do.\n// x{text}y\n"))];
        catches(&unwanted_texts(&planted), &["a.rs:2"]);
    }
}
