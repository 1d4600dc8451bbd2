//! What became of the steps of a stage, and what has to be undone because of it. Pure: knows no database and no call.

use offshoot_contract::CallFailure;

use crate::owner::Owner;
use crate::plan::{Plan, Step, Undo};

/// What this execution knows of one step.
#[derive(Debug)]
pub(crate) enum Outcome<R> {
    NotBegun,
    Done,
    Refused(R),
    Trouble(CallFailure),
}

impl<R> Outcome<R> {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Outcome::Done)
    }

    pub(crate) fn refusal(&self) -> Option<&R> {
        match self {
            Outcome::Refused(reason) => Some(reason),
            _ => None,
        }
    }
}

/// One step back, and the step that it takes back.
pub(crate) struct Back<'a, O: Owner> {
    pub(crate) undo: &'a Undo<O>,
    pub(crate) of: &'a Step<O>,
}

/// What has to be done to undo all that may have been done, the last first.
///
/// `fresh`: nobody has tried the steps of `stage` before this execution did. Then a step that was refused or not begun has
/// no effect; otherwise a call of an earlier execution may still arrive.
pub(crate) fn way_back<'a, O: Owner>(
    plan: &'a Plan<O>,
    stage: usize,
    outcomes: &[Outcome<O::Reason>],
    fresh: bool,
) -> Vec<Back<'a, O>> {
    let mut back: Vec<Back<'a, O>> = Vec::new();
    let mut settled: Vec<&str> = Vec::new();
    for at in (0..=stage).rev() {
        for (place, of) in plan.steps(at).iter().enumerate().rev() {
            let outcome = (at == stage).then(|| outcomes.get(place)).flatten();
            let done = at < stage || outcome.is_some_and(Outcome::is_done);
            let nothing = fresh && matches!(outcome, Some(Outcome::NotBegun | Outcome::Refused(_)));
            let Some(undo) = &of.undo else { continue };
            if nothing || settled.contains(&undo.name.as_ref()) {
                continue;
            }
            match undo.instead_of {
                None => back.push(Back { undo, of }),
                Some(other) if done => {
                    settled.push(other);
                    back.push(Back { undo, of });
                }
                Some(_) => {}
            }
        }
    }
    back
}
