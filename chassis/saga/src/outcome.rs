//! Outcomes of the steps of a stage, and the undo steps that follow from the outcomes. Pure: no database, no calls.

use offshoot_contract::CallFailure;

use crate::plan::{Plan, Step, Undo};
use crate::saga_module::SagaModule;

/// Outcome of one step, as known to this execution.
#[derive(Debug)]
pub(crate) enum Outcome<R> {
    NotBegun,
    Done,
    Refused(R),
    Retryable(CallFailure),
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

/// The first step that has to be retried, and its failure.
pub(crate) fn first_retryable<R>(outcomes: &[Outcome<R>]) -> Option<(usize, CallFailure)> {
    let mut outcomes = outcomes.iter().enumerate();
    outcomes.find_map(|(index, outcome)| match outcome {
        Outcome::Retryable(failure) => Some((index, failure.clone())),
        _ => None,
    })
}

/// An undo, and the step that the undo belongs to.
pub(crate) struct UndoStep<'a, M: SagaModule> {
    pub(crate) undo: &'a Undo<M>,
    pub(crate) undoes: &'a Step<M>,
}

/// Undo steps for all effects that may exist, the last step first.
///
/// `fresh`: no earlier execution has performed the steps of `stage`. Then a refused or not begun step has no effect.
/// Otherwise a call of an earlier execution may still arrive.
pub(crate) fn undo_steps<'a, M: SagaModule>(
    plan: &'a Plan<M>,
    stage: usize,
    outcomes: &[Outcome<M::Reason>],
    fresh: bool,
) -> Vec<UndoStep<'a, M>> {
    let mut undo_steps: Vec<UndoStep<'a, M>> = Vec::new();
    let mut replaced: Vec<&str> = Vec::new();
    for at in (0..=stage).rev() {
        for (index, undoes) in plan.steps(at).iter().enumerate().rev() {
            let outcome = (at == stage).then(|| outcomes.get(index)).flatten();
            let done = at < stage || outcome.is_some_and(Outcome::is_done);
            let no_effect = fresh && matches!(outcome, Some(Outcome::NotBegun | Outcome::Refused(_)));
            let Some(undo) = &undoes.undo else { continue };
            if no_effect || replaced.contains(&undo.name.as_ref()) {
                continue;
            }
            match undo.instead_of {
                None => undo_steps.push(UndoStep { undo, undoes }),
                Some(other) if done => {
                    replaced.push(other);
                    undo_steps.push(UndoStep { undo, undoes });
                }
                Some(_) => {}
            }
        }
    }
    undo_steps
}
