//! Allowances: a comment on the line before lets one violation stand, and says why.

use crate::file::File;
use crate::project::Project;
use crate::violation::{Rule, Violation};

/// How an allowance begins, behind the comment's sign.
const ALLOW: &str = "offshoot: allow(";
/// What comments begin with in Rust, SQL and manifests. Documentation is none: it is no place for this.
const SIGNS: [&str; 3] = ["// ", "-- ", "# "];

struct Allowance<'a> {
    file: &'a File,
    line: usize,
    rule: &'a str,
    reason: &'a str,
}

fn allowances(file: &File) -> impl Iterator<Item = Allowance<'_>> {
    (1..).zip(file.text.lines()).filter_map(move |(line, text)| {
        let text = text.trim_start();
        let comment = SIGNS.iter().find_map(|sign| text.strip_prefix(sign))?;
        let (rule, reason) = comment.strip_prefix(ALLOW)?.split_once(')')?;
        Some(Allowance {
            file,
            line,
            rule,
            reason: reason.trim(),
        })
    })
}

/// Takes away what is allowed, and adds allowances that say no reason or allow nothing.
pub(crate) fn apply(project: &Project, mut found: Vec<Violation>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for allowance in project.files.iter().flat_map(allowances) {
        let Allowance {
            file,
            line,
            rule,
            reason,
        } = allowance;
        // Of an allowance without a reason, what it would allow is told too.
        let allows = |violation: &Violation| {
            violation.path == file.path && violation.line == line + 1 && violation.rule.as_str() == rule
        };
        let is_needed = found.iter().any(allows);
        if !reason.is_empty() {
            found.retain(|violation| !allows(violation));
        }
        let message = match (reason.is_empty(), is_needed) {
            (true, _) => format!("allow({rule}) says no reason: write it behind the bracket"),
            // Code that is no module's may speak of allowances without making one.
            (false, false) if !project.is_a_modules(file) => continue,
            (false, false) => format!("allow({rule}) allows nothing: the next line does not break that rule"),
            (false, true) => continue,
        };
        wrong.push(Violation::new(file, line, Rule::Allow, message));
    }
    found.extend(wrong);
    found
}
