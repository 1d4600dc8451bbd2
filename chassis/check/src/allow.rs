//! Allowances: a comment on the line before a violation permits that violation and states the reason.

use crate::file::File;
use crate::project::Project;
use crate::violation::{Rule, Violation};

/// Start of an allowance, after the comment marker.
const ALLOW: &str = "offshoot: allow(";
/// Comment markers of Rust, SQL and manifests. Doc comments are not scanned for allowances.
const COMMENT_MARKERS: [&str; 3] = ["// ", "-- ", "# "];

/// An allowance in a file, with the name of the permitted rule.
struct Allowance<'a> {
    file: &'a File,
    line: usize,
    rule: &'a str,
    reason: &'a str,
}

fn allowances(file: &File) -> impl Iterator<Item = Allowance<'_>> {
    (1..).zip(file.text.lines()).filter_map(move |(line, text)| {
        let text = text.trim_start();
        let comment = COMMENT_MARKERS.iter().find_map(|marker| text.strip_prefix(marker))?;
        let (rule, reason) = comment.strip_prefix(ALLOW)?.split_once(')')?;
        Some(Allowance {
            file,
            line,
            rule,
            reason: reason.trim(),
        })
    })
}

/// Removes allowed violations, and adds a violation for each allowance without a reason or without effect.
pub(crate) fn apply_allowances(project: &Project, mut found: Vec<Violation>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for allowance in project.files.iter().flat_map(allowances) {
        let Allowance {
            file,
            line,
            rule,
            reason,
        } = allowance;
        // An allowance without a reason does not apply: its target is reported too.
        let allows = |violation: &Violation| {
            violation.path == file.path && violation.line == line + 1 && violation.rule.as_str() == rule
        };
        let is_needed = found.iter().any(allows);
        if !reason.is_empty() {
            found.retain(|violation| !allows(violation));
        }
        let message = match (reason.is_empty(), is_needed) {
            (true, _) => format!("allow({rule}) has no reason: write the reason after the bracket"),
            // Code outside of modules may contain the text of an allowance as data.
            (false, false) if !project.belongs_to_module(file) => continue,
            (false, false) => format!("allow({rule}) is unused: the next line does not break that rule"),
            (false, true) => continue,
        };
        wrong.push(Violation::new(file, line, Rule::Allow, message));
    }
    found.extend(wrong);
    found
}
