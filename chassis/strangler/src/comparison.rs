//! Judging one comparison: whether the candidate's answer is wrong, or the control itself changed its answer meanwhile.
//!
//! The control is asked again, never the candidate: asking the candidate again would acquit a rare fault.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::difference::{Difference, differences};

/// Verdict of one comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The answers agree, or the candidate agrees with the control's newer answer.
    Match,
    /// The control answered the same again, and the candidate differs.
    Mismatch(BTreeSet<Difference>),
    /// The candidate differs only in fields in which the control differs from itself.
    Noise(BTreeSet<String>),
    /// The control keeps changing in other fields. Ask it again; after some times the comparison proves nothing.
    Unsettled,
}

/// Judges the candidate's answer. `given`: the control's answer to the caller. `again`: the control's answer to the same
/// call afterwards; `None` before the control was asked again. `None` as a result: ask the control again.
#[must_use]
pub fn judge_comparison(given: &Value, candidate: &Value, again: Option<&Value>) -> Option<Comparison> {
    if given == candidate {
        return Some(Comparison::Match);
    }
    let again = again?;
    if again == candidate {
        return Some(Comparison::Match);
    }
    let different = differences(again, candidate);
    if again == given {
        return Some(Comparison::Mismatch(different));
    }
    let unstable: BTreeSet<_> = differences(given, again).into_iter().map(|found| found.path).collect();
    let is_noise = different.iter().all(|found| unstable.contains(&found.path));
    Some(if is_noise {
        Comparison::Noise(unstable)
    } else {
        Comparison::Unsettled
    })
}
