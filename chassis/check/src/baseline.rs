//! Baseline: the known violations of a project, one per line and without line numbers, so that code may move. An entry
//! without a matching violation is stale and must be removed: a stale entry would hide a new violation of the same text.

use std::collections::BTreeMap;

use crate::violation::Violation;

/// First lines of a baseline file.
const HEADER: &str = "\
# Known violations. `offshoot check --baseline FILE` reports all other violations, and entries of this file that no
# longer match; `--write-baseline` rewrites the file.
";

/// Known violations of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Number of occurrences of each line.
    entries: BTreeMap<String, usize>,
}

/// Violations compared with a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaselineComparison {
    /// Violations that are not in the baseline.
    pub new: Vec<Violation>,
    /// Violations that are in the baseline.
    pub known: Vec<Violation>,
    /// Baseline entries without a matching violation.
    pub stale: Vec<String>,
}

impl Baseline {
    /// Parses a baseline. Empty lines and lines that begin with `#` are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut baseline = Self::default();
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            *baseline.entries.entry(line.to_owned()).or_default() += 1;
        }
        baseline
    }

    /// Renders a baseline of `violations`, as the text of a file.
    #[must_use]
    pub fn render(violations: &[Violation]) -> String {
        let mut lines: Vec<_> = violations.iter().map(entry).collect();
        lines.sort();
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        format!("{HEADER}{lines}")
    }

    /// Sorts violations into new violations and known violations, and finds stale entries.
    #[must_use]
    pub fn compare(mut self, violations: Vec<Violation>) -> BaselineComparison {
        let mut compared = BaselineComparison::default();
        for violation in violations {
            match self.entries.get_mut(&entry(&violation)) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    compared.known.push(violation);
                }
                _ => compared.new.push(violation),
            }
        }
        let stale = self
            .entries
            .into_iter()
            .flat_map(|(line, left)| std::iter::repeat_n(line, left));
        compared.stale = stale.collect();
        compared
    }
}

/// Baseline line of a violation.
fn entry(violation: &Violation) -> String {
    let Violation {
        path, rule, message, ..
    } = violation;
    format!("{} {path} {message}", rule.as_str())
}
