//! Steps forward: only to the next state, and only through green gates.

use crate::change::Change;
use crate::evidence::MethodEvidence;
use crate::gates::current_gates;
use crate::migration::{Baseline, Migration, Verb};
use crate::refusal::Refusal;
use crate::state::{Percent, State};

/// Applies a step forward.
pub(crate) fn advance(change: &mut Change, to: Option<State>, reason: Option<&str>) -> Result<(), Refusal> {
    let migration = &change.after;
    require_ready(migration)?;
    let to = destination(migration, to, reason)?;
    let gates = current_gates(migration, &change.view, to, change.now);
    if !gates.iter().all(|gate| gate.verdict.passes()) {
        return Err(Refusal::Gates(gates));
    }
    change.evidence = gates.iter().map(ToString::to_string).collect();
    freeze_baseline(change);
    change.record(Verb::Advance, reason);
    change.enter(to);
    Ok(())
}

fn require_ready(migration: &Migration) -> Result<(), Refusal> {
    if !migration.started {
        return Err(Refusal::NotStarted);
    }
    if let Some(halted) = &migration.halted {
        return Err(Refusal::Halted(halted.clone()));
    }
    if migration.paused {
        return Err(Refusal::Paused);
    }
    Ok(())
}

/// The state of the step: the next one, or a canary share that was asked for by name.
fn destination(migration: &Migration, to: Option<State>, reason: Option<&str>) -> Result<State, Refusal> {
    let from = migration.state;
    let next = from.next(&migration.settings.steps).ok_or(Refusal::NoFurther(from))?;
    match to {
        None => Ok(next),
        Some(to) if to == next => Ok(to),
        Some(to @ State::Canary(_)) if from >= State::Shadow && from < to => {
            // A smaller share than the next step is always welcome.
            if to > next && reason.is_none_or(str::is_empty) {
                return Err(Refusal::NeedsReason("skipping a canary step"));
            }
            Ok(to)
        }
        Some(to) => Err(Refusal::NotNext {
            from,
            to,
            hint: format!("the next state is {next}"),
        }),
    }
}

/// Freezes the counts of the local implementation while the stage that ends still has many local calls.
fn freeze_baseline(change: &mut Change) {
    let is_local = change.after.state < State::Canary(Percent::MIN);
    if !is_local {
        return;
    }
    let measured = change
        .view
        .evidence
        .methods
        .iter()
        .filter(|(_, method)| method.local.calls > 0);
    let frozen = measured.map(|(name, method)| (name.clone(), baseline(method)));
    change.after.baseline.extend(frozen.collect::<Vec<_>>());
}

fn baseline(method: &MethodEvidence) -> Baseline {
    let local = method.local;
    Baseline {
        calls: local.calls,
        failed: local.failed,
        p99_us: local.p99_us,
    }
}
