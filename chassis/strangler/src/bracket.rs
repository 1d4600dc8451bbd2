//! One comparison: the candidate's answer between two answers of the control, which is the local side.
//!
//! The candidate is asked once. The control is asked again only about a difference: a write between the answers changes the
//! control too, and asking the candidate again would acquit a rare fault.

use std::collections::BTreeSet;

use offshoot_contract::{Observed, ObservedCall, Side};
use serde_json::{Value, json};

use crate::comparison::{Comparison, judge_comparison};
use crate::difference::{Difference, DifferenceKind, differences, fields};
use crate::tally::{MethodTally, is_answer};

/// How often the control is asked about one difference.
const CONTROL_ANSWERS: usize = 3;

/// A comparison with a result.
pub(crate) struct Settled {
    /// Differences that nothing explains, as the candidate's answer shows them. Empty if the answers agree.
    pub(crate) differences: BTreeSet<Difference>,
    /// Fields that the control itself changed meanwhile.
    pub(crate) unstable: BTreeSet<String>,
    pub(crate) control: Observed,
    pub(crate) candidate: Observed,
}

/// Compares the candidate's answer with the control's. `None`: no result, because the control changed too often or failed, or
/// one side had no capacity for the repetition. `is_meant`: whether the operator declared a difference as meant.
pub(crate) async fn compare(
    call: &dyn ObservedCall,
    method: &MethodTally,
    is_meant: impl Fn(&Difference) -> bool + Send + Sync,
) -> Option<Settled> {
    let given = first_control(call).await.filter(|given| is_answer(given.outcome))?;
    saw(method, &given);
    let candidate = call.repeat(Side::Candidate).await?;
    let outcome = candidate.outcome.as_str();
    if outcome == "overloaded" {
        return None;
    }
    method.repetition(candidate.outcome, candidate.took);
    // A candidate that is away, as during its restart, fails attempts. Nothing is known about its answers.
    if outcome == "unavailable" {
        return None;
    }
    let settled = |differences, unstable, control, candidate| {
        Some(Settled {
            differences,
            unstable,
            control,
            candidate,
        })
    };
    let agrees = |control: &Observed| differences_of(control, &candidate).iter().all(&is_meant);
    if agrees(&given) {
        return settled(BTreeSet::new(), BTreeSet::new(), given, candidate);
    }
    let (first, found) = (comparable(&given), comparable(&candidate));
    for _ in 0..CONTROL_ANSWERS {
        let again = call.repeat(Side::Local).await;
        let again = again.filter(|again| is_answer(again.outcome))?;
        saw(method, &again);
        if agrees(&again) {
            return settled(BTreeSet::new(), BTreeSet::new(), again, candidate);
        }
        // No value of the control explains an outcome that the control never had.
        let is_other_outcome = ![given.outcome, again.outcome].contains(&candidate.outcome);
        match judge_comparison(&first, &found, Some(&comparable(&again))) {
            Some(Comparison::Match) => return settled(BTreeSet::new(), BTreeSet::new(), again, candidate),
            Some(Comparison::Noise(unstable)) if !is_other_outcome => {
                return settled(BTreeSet::new(), unstable, again, candidate);
            }
            Some(Comparison::Unsettled) | None if !is_other_outcome => {}
            _ => {
                let mut open = differences_of(&again, &candidate);
                open.retain(|found| !is_meant(found));
                return settled(open, BTreeSet::new(), again, candidate);
            }
        }
    }
    None
}

/// Asks the control twice, without the candidate. Whether the answers differ; `None` without two answers.
pub(crate) async fn races(call: &dyn ObservedCall) -> Option<bool> {
    let first = first_control(call).await.filter(|first| is_answer(first.outcome))?;
    let again = call
        .repeat(Side::Local)
        .await
        .filter(|again| is_answer(again.outcome))?;
    Some(!differences_of(&first, &again).is_empty())
}

/// The control's answer before the candidate's. For a call that the candidate answered, the control is asked before the
/// candidate is asked again: a control asked only afterwards would blame the candidate for a write in between.
async fn first_control(call: &dyn ObservedCall) -> Option<Observed> {
    match call.answered_by() {
        Side::Local => Some(call.given()),
        Side::Candidate => call.repeat(Side::Local).await,
    }
}

fn saw(method: &MethodTally, control: &Observed) {
    if control.outcome.as_str() == "ok" {
        method.findings().saw(&fields(&control.value));
    }
}

/// An outcome as one value, in which an answer, an error and a failure differ.
pub(crate) fn comparable(found: &Observed) -> Value {
    match found.outcome.as_str() {
        "ok" => found.value.clone(),
        outcome => json!({ path_of(outcome): found.value }),
    }
}

/// The fields in which the candidate differs. Two kinds of outcome are one difference, named after the candidate's outcome.
fn differences_of(control: &Observed, candidate: &Observed) -> BTreeSet<Difference> {
    if control.outcome != candidate.outcome {
        let path = path_of(candidate.outcome.as_str());
        let kind = DifferenceKind::Value;
        return [Difference { path, kind }].into();
    }
    if control.value == candidate.value {
        return BTreeSet::new();
    }
    differences(&comparable(control), &comparable(candidate))
}

/// The path of an outcome that is no answer. No field has a colon.
fn path_of(outcome: &str) -> String {
    format!(":{outcome}")
}
