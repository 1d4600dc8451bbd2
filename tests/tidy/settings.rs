//! Each setting is explained in the file of defaults and nowhere else. The page of limits, which lists bounds and names
//! settings beside them, has a test of its own.

use std::collections::BTreeSet;

use super::documents::{PATH_ENDINGS, code_spans, documents, prose_lines};
use super::entries::{entries, spans};
use crate::sources::{File, assert_no_violations, assert_violations, files};

const SETTINGS: &str = "app/config/default.toml";
const LIMITS: &str = "docs/LIMITS.md";

/// A line of the file of defaults that sets a key.
struct Setting {
    line: usize,
    /// With dots: `remote.pause`. An asterisk stands for the name of a module.
    key: String,
    /// Whether a comment stands above the key, or above the keys directly before.
    is_explained: bool,
}

fn settings(text: &str) -> Vec<Setting> {
    let (mut settings, mut table, mut is_explained) = (Vec::new(), String::new(), false);
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() {
            is_explained = false;
        } else if line.starts_with('#') {
            is_explained = true;
        } else if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']').replace('"', ""));
        } else if let Some((name, _)) = line.split_once('=') {
            settings.push(Setting {
                line: number,
                key: format!("{table}{}", name.trim()),
                is_explained,
            });
        }
    }
    settings
}

/// The key that a code span names, also as an environment variable or with a value. Another name of a module than the
/// asterisk becomes the asterisk.
fn key(span: &str) -> String {
    let name = span.split([' ', '=']).next().unwrap_or_default();
    let dotted = name
        .strip_prefix("OFFSHOOT__")
        .map(|name| name.to_lowercase().replace("__", "."));
    let key = dotted.unwrap_or_else(|| name.replace('"', ""));
    match key.strip_prefix("modules.").and_then(|rest| rest.split_once('.')) {
        Some((_, setting)) => format!("modules.*.{setting}"),
        None => key,
    }
}

fn setting_violations(files: &[File]) -> Vec<String> {
    let Some(defaults) = files.iter().find(|file| file.path == SETTINGS) else {
        return vec![format!("{SETTINGS} is missing")];
    };
    let settings = settings(&defaults.text);
    let mut violations = Vec::new();
    for Setting { line, key, .. } in settings.iter().filter(|setting| !setting.is_explained) {
        violations.push(format!("{SETTINGS}:{line} does not explain {key}"));
    }
    let known: BTreeSet<_> = settings.iter().map(|setting| setting.key.as_str()).collect();
    for (place, key) in second_explanations(files) {
        if known.contains(key.as_str()) {
            violations.push(format!("{place} explains {key}, which {SETTINGS} explains"));
        }
    }
    violations.extend(unknown_settings(files, &known));
    violations
}

/// Places that look like explanations: entries, and rows with a key that has a dot. Other words in a row may have another
/// meaning.
fn second_explanations(files: &[File]) -> BTreeSet<(String, String)> {
    let entries = entries(files).into_iter();
    let mut found: BTreeSet<_> = entries.map(|entry| (entry.place, key(entry.name))).collect();
    for document in documents(files).filter(|document| document.path != LIMITS) {
        let rows = prose_lines(&document.text).filter(|(_, line)| line.starts_with('|'));
        for (number, row) in rows {
            let keys = spans(row).into_iter().map(key).filter(|key| key.contains('.'));
            found.extend(keys.map(|key| (format!("{}:{number}", document.path), key)));
        }
    }
    found
}

/// Spans of documents that begin with the name of a table of settings, and name no setting and no table. The tables of
/// modules are left out: `orders.checkout` is a method.
fn unknown_settings(files: &[File], known: &BTreeSet<&str>) -> Vec<String> {
    let is_module = |table: &str| {
        let folder = format!("modules/{table}/");
        files.iter().any(|file| file.path.starts_with(&folder))
    };
    let tables = known.iter().filter_map(|key| key.split_once('.'));
    let tables: BTreeSet<_> = tables
        .map(|(table, _)| table)
        .filter(|table| !is_module(table))
        .collect();
    let mut violations = Vec::new();
    for document in documents(files) {
        let spans = code_spans(&document.text).into_iter();
        let spans = spans.filter(|span| !PATH_ENDINGS.iter().any(|ending| span.ends_with(ending)));
        for key in spans.map(key) {
            let of_table = key.split_once('.').filter(|(table, _)| tables.contains(table));
            let is_known =
                known.contains(key.as_str()) || known.iter().any(|known| known.starts_with(&format!("{key}.")));
            if of_table.is_some() && !is_known {
                violations.push(format!("{} names {key}, which {SETTINGS} lacks", document.path));
            }
        }
    }
    violations
}

#[test]
fn every_setting_is_explained_in_the_file_of_defaults_alone() {
    assert_no_violations(&setting_violations(&files()));
}

#[test]
fn an_unexplained_a_twice_explained_and_an_unknown_setting_are_reported() {
    let defaults = "# Every setting.\n\n# Address.\nlisten = \"\"\n\n# Of each module.\n[modules.\"*\"]\nurls = \"\"\n\n\
        [remote]\nfailures = 5\n# Pauses.\npause = \"1s\"\nlongest_pause = \"10s\"\n\n[orders]\n# Lease.\nlease = \"30s\"\n";
    let runbook = "# Runbook\n`remote.pause`, `modules.<name>.urls`, `modules.\"*\"`, `orders.checkout`, `remote.rs`, `remote.gone`\n\
        | setting | meaning |\n|---|---|\n| `listen` | here |\n| pause | `remote.pause` |\n| `other` | `listen` |\n\
        - `modules.catalog.urls`: addresses\n- `OFFSHOOT__ORDERS__LEASE=1s`: lease\n";
    let project = [
        File::new(SETTINGS, defaults),
        File::new("modules/orders/src/lib.rs", ""),
        File::new(LIMITS, "| pause | `remote.pause` |\n"),
        File::new("RUNBOOK.md", runbook),
    ];
    let expected = [
        "default.toml:11 does not explain remote.failures",
        "RUNBOOK.md:5 explains listen",
        "RUNBOOK.md:6 explains remote.pause",
        "RUNBOOK.md:8 explains modules.*.urls",
        "RUNBOOK.md:9 explains orders.lease",
        "RUNBOOK.md names remote.gone",
    ];
    assert_violations(&setting_violations(&project), &expected);
}
