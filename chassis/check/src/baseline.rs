//! What a project has not mended yet: violations that are known, one on a line, without line numbers, so that code can
//! move. What is in the baseline and no longer found is stale, and has to go: it would hide a new one of its kind.

use std::collections::BTreeMap;

use crate::violation::Violation;

/// What the file begins with.
const HEADER: &str = "\
# Violations that are known and not mended yet. `offshoot check --baseline FILE` reports everything else, and lines here
# that nothing answers to any more; `--write-baseline` writes the file anew.
";

/// Known violations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// How often each line stands there.
    entries: BTreeMap<String, usize>,
}

/// Violations beside a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Not in the baseline.
    pub new: Vec<Violation>,
    /// In the baseline.
    pub known: Vec<Violation>,
    /// In the baseline, and not found.
    pub stale: Vec<String>,
}

impl Baseline {
    /// Reads a baseline. Lines that begin with `#` and empty ones are comments.
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

    /// The baseline of a project that has these violations, as text.
    #[must_use]
    pub fn of(violations: &[Violation]) -> String {
        let mut lines: Vec<_> = violations.iter().map(entry).collect();
        lines.sort();
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        format!("{HEADER}{lines}")
    }

    /// Tells known violations from new ones, and finds what is stale.
    #[must_use]
    pub fn compare(mut self, violations: Vec<Violation>) -> Compared {
        let mut compared = Compared::default();
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

/// A violation as a line of a baseline.
fn entry(violation: &Violation) -> String {
    let Violation {
        path, rule, message, ..
    } = violation;
    format!("{} {path} {message}", rule.as_str())
}
