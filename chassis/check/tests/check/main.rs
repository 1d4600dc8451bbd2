//! Tests of the rules: each rule finds planted violations with file and line, and reports nothing else.

mod baseline;
mod blocking;
mod declarations;
mod engines;
mod projects;
mod rules;

use offshoot_check::{File, Layout, Project};

/// Violations in these files, as text.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| File::new(path, text)).collect();
    let found = Project::from_files(Layout::default(), files).violations();
    found.iter().map(ToString::to_string).collect()
}

/// Manifest of a crate with these dependencies.
fn manifest(name: &str, dependencies: &[&str]) -> String {
    let lines: String = dependencies
        .iter()
        .map(|name| format!("{name}.workspace = true\n"))
        .collect();
    format!("[package]\nname = \"{name}\"\n\n[dependencies]\n{lines}")
}
