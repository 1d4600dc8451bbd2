//! Each rule finds what was planted, with file and line, and lets the rest be.

mod baseline;
mod rules;
mod whole;

use offshoot_check::{File, Layout, Project};

/// What the rules find in these files, as text.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| File::new(path, text)).collect();
    let found = Project::of(Layout::default(), files).violations();
    found.iter().map(ToString::to_string).collect()
}

/// The manifest of a crate with these dependencies.
fn manifest(name: &str, dependencies: &[&str]) -> String {
    let lines: String = dependencies
        .iter()
        .map(|name| format!("{name}.workspace = true\n"))
        .collect();
    format!("[package]\nname = \"{name}\"\n\n[dependencies]\n{lines}")
}
