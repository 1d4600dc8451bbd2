//! Results of the comparisons of one method: the unexplained differences, and the fields that were compared.

use std::collections::{BTreeMap, BTreeSet};

use offshoot_contract::Timestamp;

use crate::difference::{Difference, IgnoreRule};
use crate::evidence::MethodEvidence;

/// Sets of differences that are told apart. Further sets are counted together, and no rule covers them.
const MAX_SETS: usize = 256;
/// Fields of a method's answers that are told apart. An answer with more fields has names as data.
const MAX_FIELDS: usize = 512;
/// Classes that one process reports.
const MAX_CLASSES: usize = 50;

/// Comparisons of one method. Rules are applied when the counts are read, so that a new rule counts for the past too.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    compared: u64,
    mismatches: BTreeMap<BTreeSet<Difference>, u64>,
    further_mismatches: u64,
    /// Fields of the local answers.
    seen: BTreeSet<String>,
    covered: BTreeSet<String>,
}

impl Findings {
    /// Counts a comparison with a result. `differences`: unexplained ones, empty if the answers agree.
    pub(crate) fn compared(&mut self, differences: BTreeSet<Difference>) {
        self.compared += 1;
        if differences.is_empty() {
            return;
        }
        if self.mismatches.len() >= MAX_SETS && !self.mismatches.contains_key(&differences) {
            self.further_mismatches += 1;
            return;
        }
        *self.mismatches.entry(differences).or_default() += 1;
    }

    /// Remembers the fields of a local answer.
    pub(crate) fn saw(&mut self, fields: &BTreeSet<String>) {
        extend(&mut self.seen, fields);
    }

    /// Remembers the fields of a local answer that were compared.
    pub(crate) fn covered(&mut self, fields: &BTreeSet<String>) {
        extend(&mut self.covered, fields);
    }

    /// Writes the counts by the rules that hold at `now`.
    pub(crate) fn write(&self, method: &str, rules: &[IgnoreRule], now: Timestamp, evidence: &mut MethodEvidence) {
        evidence.compared = self.compared;
        evidence.mismatched = self.further_mismatches;
        for (differences, count) in &self.mismatches {
            let open = differences
                .iter()
                .filter(|found| !is_ignored(rules, method, found, now));
            let classes: Vec<_> = open.map(class_of).collect();
            evidence.mismatched += if classes.is_empty() { 0 } else { *count };
            evidence.classes.extend(classes);
        }
        if self.further_mismatches > 0 {
            evidence
                .classes
                .insert(format!("more than {MAX_SETS} kinds of differences"));
        }
        while evidence.classes.len() > MAX_CLASSES {
            evidence.classes.pop_last();
        }
        evidence.fields_never_compared = &self.seen - &self.covered;
    }
}

/// Whether a rule covers the difference at `now`.
pub(crate) fn is_ignored(rules: &[IgnoreRule], method: &str, difference: &Difference, now: Timestamp) -> bool {
    rules.iter().any(|rule| rule.covers(method, difference, now))
}

/// A class of differences: field and kind, or the candidate's outcome such as `:timeout`.
pub(crate) fn class_of(difference: &Difference) -> String {
    let Difference { path, kind } = difference;
    if path.starts_with(':') {
        path.clone()
    } else {
        format!("{path} {kind}")
    }
}

fn extend(known: &mut BTreeSet<String>, fields: &BTreeSet<String>) {
    for field in fields {
        if known.len() < MAX_FIELDS && !known.contains(field) {
            known.insert(field.clone());
        }
    }
}
