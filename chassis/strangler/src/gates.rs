//! All gates of one step forward.

use offshoot_contract::Timestamp;

use crate::candidate_gates::facts;
use crate::evidence::{Evidence, MethodEvidence};
use crate::gate::{Gate, GateId, GateKind, Verdict};
use crate::migration::Migration;
use crate::rate_gates::rates;
use crate::state::State;
use crate::view::{MethodKind, View};

/// Values of a method that must have passed through the encoding.
const ENCODED_SAMPLE: u64 = 20;

/// The gates between the current state and `to`, in the order in which an operator would look at them.
#[must_use]
pub fn gates(migration: &Migration, view: &View, to: State, now: Timestamp) -> Vec<Gate> {
    current_gates(&observed(migration, view), &relevant(migration, view), to, now)
}

/// Like [`gates`], for a record and a view that are [`observed`] and [`relevant`].
pub(crate) fn current_gates(migration: &Migration, view: &View, to: State, now: Timestamp) -> Vec<Gate> {
    let mut gates = facts(migration, view, to);
    if migration.state == State::Encoded {
        gates.extend(view.methods.iter().map(|method| encoding(method, view)));
    }
    gates.extend(rates(migration, view, to).iter().map(|rate| rate.gate(migration, now)));
    if migration.state >= State::Shadow && migration.state < State::Remote {
        let reads = view.methods.iter().filter(|method| method.safe);
        gates.extend(reads.map(|method| coverage(method, view)));
        gates.push(differences(view));
    }
    if to == State::Remote {
        let writes = view.methods.iter().filter(|method| !method.safe);
        gates.extend(writes.map(|method| executed(method, view)));
    }
    if to == State::Detached {
        gates.push(fallback(view));
    }
    gates.into_iter().map(|gate| accepted(gate, migration)).collect()
}

/// The record with the candidate that answers now. Looks at the evidence of another build no longer count.
pub(crate) fn observed(migration: &Migration, view: &View) -> Migration {
    let mut migration = migration.clone();
    if let Some(found) = view
        .identity()
        .filter(|found| migration.candidate.as_ref() != Some(*found))
    {
        migration.candidate = Some(found.clone());
        migration.looks.clear();
    }
    migration
}

/// The view without evidence of another stage or another build.
pub(crate) fn relevant(migration: &Migration, view: &View) -> View {
    let mut view = view.clone();
    let is_current = view
        .identity()
        .is_some_and(|identity| identity.build == view.evidence.build);
    if view.evidence.entered != migration.entered || !is_current {
        view.evidence = Evidence::default();
    }
    view
}

/// Passes a gate that an operator accepted by name. An accepted limit is part of the rate already.
fn accepted(gate: Gate, migration: &Migration) -> Gate {
    if gate.verdict.passes() || !gate.id.kind.can_be_waived() {
        return gate;
    }
    let waiver = migration.waivers.get(&gate.id.to_string());
    match waiver.filter(|waiver| waiver.limit.is_none()) {
        Some(waiver) => Gate {
            verdict: Verdict::Accepted(format!("{} by {}", waiver.reason, waiver.operator)),
            ..gate
        },
        None => gate,
    }
}

/// The counts of a method, zeros without evidence.
fn counts(method: &MethodKind, view: &View) -> MethodEvidence {
    view.evidence.methods.get(&method.name).cloned().unwrap_or_default()
}

/// A gate that needs `needed` clean observations.
fn clean(id: GateId, clean: u64, needed: u64, bad: Option<String>) -> Gate {
    let verdict = match bad {
        Some(found) => Verdict::Red(found),
        None if clean >= needed => Verdict::Green,
        None => Verdict::Held {
            missing: needed - clean,
            seconds: None,
        },
    };
    let gate = Gate::without_rate(id, verdict);
    Gate { sample: clean, ..gate }
}

fn encoding(method: &MethodKind, view: &View) -> Gate {
    let counts = counts(method, view);
    let failed = counts.encoding_failed;
    let bad = (failed > 0).then(|| format!("{failed} values of {} did not survive the encoding", method.name));
    clean(
        GateId::new(GateKind::Encoding, &method.name),
        counts.encoded,
        ENCODED_SAMPLE,
        bad,
    )
}

fn executed(method: &MethodKind, view: &View) -> Gate {
    let candidate = counts(method, view).candidate;
    let answered = candidate.calls.saturating_sub(candidate.failed);
    clean(GateId::new(GateKind::Writes, &method.name), answered, 1, None)
}

/// Whether each field of the method's answers was compared.
fn coverage(method: &MethodKind, view: &View) -> Gate {
    let counts = counts(method, view);
    let missing = counts.fields_never_compared.first();
    let bad = missing.map(|field| format!("{}.{field} was never compared", method.name));
    let bad = bad.filter(|_| counts.compared > 0);
    clean(GateId::new(GateKind::Coverage, &method.name), counts.compared, 1, bad)
}

fn differences(view: &View) -> Gate {
    let class = view
        .evidence
        .methods
        .iter()
        .find_map(|(method, counts)| Some((method, counts.classes.first()?)));
    let found = class.map_or(Ok(()), |(method, class)| Err(format!("{method}: {class}")));
    Gate::fact(GateId::new(GateKind::Differences, ""), found)
}

fn fallback(view: &View) -> Gate {
    let calls: u64 = view.evidence.methods.values().map(|method| method.fallbacks).sum();
    let found = (calls > 0).then(|| format!("the local implementation stood in for {calls} calls"));
    Gate::fact(GateId::new(GateKind::Fallback, ""), found.map_or(Ok(()), Err))
}
