//! The operators' requests, except the step forward.

use crate::candidate_gates::candidate;
use crate::change::Change;
use crate::gates::current_gates;
use crate::migration::{LARGEST_ACCEPTED_RATE, Migration, Verb, Waiver};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::state::State;

/// Begins a migration. The history of an earlier one stays. Refuses a candidate that works already, is of another contract
/// or other migrations, or works on other data.
pub(crate) fn start(change: &mut Change, settings: &Settings) -> Result<(), Refusal> {
    if change.after.started {
        return Err(Refusal::AlreadyStarted(change.after.state));
    }
    settings.validate()?;
    // Members and strangers are judged before the first step: a control database that was just created knows no process yet.
    let gates = candidate(&change.after, &change.view).to_vec();
    if !gates.iter().all(|gate| gate.verdict.passes()) {
        return Err(Refusal::Gates(gates));
    }
    let before = &change.after;
    change.after = Migration {
        started: true,
        generation: before.generation,
        judged: before.judged,
        settings: settings.clone(),
        candidate: before.candidate.clone(),
        ..Migration::new(before.salt, change.now)
    };
    change.record(Verb::Start, None);
    change.enter(State::Local);
    Ok(())
}

/// Ends a migration where it began.
pub(crate) fn end(change: &mut Change) -> Result<(), Refusal> {
    require_started(change)?;
    if change.after.state != State::Local {
        return Err(Refusal::NotLocal(change.after.state));
    }
    change.after.started = false;
    change.after.paused = false;
    change.after.halted = None;
    change.record(Verb::End, None);
    Ok(())
}

/// Applies a step back. No gate stands before a step back.
pub(crate) fn back(change: &mut Change, to: Option<State>, reason: Option<&str>) -> Result<(), Refusal> {
    let from = change.after.state;
    let previous = from.previous(&change.after.settings.steps);
    let previous = previous.ok_or(Refusal::NoFurther(from))?;
    let to = to.unwrap_or(previous);
    if to >= from {
        let hint = format!("a step back leads to {previous} or further");
        return Err(Refusal::NotNext { from, to, hint });
    }
    if change.furthest_back(to) != to {
        return Err(Refusal::NobodyRuns(to));
    }
    change.record(Verb::Rollback, reason);
    change.enter(to);
    Ok(())
}

/// Suspends steps forward.
pub(crate) fn pause(change: &mut Change, reason: Option<&str>) -> Result<(), Refusal> {
    require_started(change)?;
    change.after.paused = true;
    change.record(Verb::Pause, reason);
    Ok(())
}

/// Allows steps forward again.
pub(crate) fn resume(change: &mut Change, reason: Option<&str>) -> Result<(), Refusal> {
    require_started(change)?;
    if change.after.halted.is_some() && reason.is_none_or(str::is_empty) {
        return Err(Refusal::NeedsReason("resuming a halted migration"));
    }
    change.after.paused = false;
    let was_halted = change.after.halted.take().is_some();
    change.record(Verb::Resume, reason);
    if was_halted {
        // The evidence is of the candidate that did harm. The mended one begins anew.
        change.enter(change.after.state);
    }
    Ok(())
}

/// Changes the settings.
pub(crate) fn set(change: &mut Change, settings: &Settings) -> Result<(), Refusal> {
    require_started(change)?;
    settings.validate()?;
    change.after.settings = settings.clone();
    change.record(Verb::Set, None);
    Ok(())
}

/// Accepts a gate of the current stage by name.
pub(crate) fn waive(change: &mut Change, gate: &str, waiver: &Waiver) -> Result<(), Refusal> {
    require_started(change)?;
    if waiver.reason.is_empty() {
        return Err(Refusal::NeedsReason("accepting a gate"));
    }
    let not_waivable = |why| Refusal::NotWaivable(gate.to_owned(), why);
    if waiver
        .limit
        .is_some_and(|limit| !(limit > 0.0 && limit <= LARGEST_ACCEPTED_RATE))
    {
        return Err(not_waivable("the limit is above 0 and at most 50 %"));
    }
    let next = change.after.state.next(&change.after.settings.steps);
    let next = next.ok_or(Refusal::NoFurther(change.after.state))?;
    let gates = current_gates(&change.after, &change.view, next, change.now);
    let found = gates.iter().find(|found| found.id.to_string() == gate);
    let found = found.ok_or_else(|| not_waivable("the next step has no gate of this name"))?;
    if !found.id.kind.can_be_waived() {
        return Err(not_waivable("the gate keeps data safe"));
    }
    // The next look is due by the new limit.
    change.after.looks.remove(gate);
    change.after.waivers.insert(gate.to_owned(), waiver.clone());
    change.record(Verb::Waive, Some(&format!("{gate}: {}", waiver.reason)));
    Ok(())
}

pub(crate) fn require_started(change: &Change) -> Result<(), Refusal> {
    if change.after.started {
        Ok(())
    } else {
        Err(Refusal::NotStarted)
    }
}
