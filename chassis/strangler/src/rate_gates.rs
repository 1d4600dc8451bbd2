//! Gates over a rate: differences, slow attempts, failures, events set aside.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;

use crate::bounds::{observed_rate, probability_of_at_least, share};
use crate::evidence::{Evidence, MethodEvidence};
use crate::gate::{Gate, GateId, GateKind, Verdict};
use crate::look::{ERROR, Look, confidence_of_look, samples_if_clean, until_next};
use crate::migration::{LARGEST_ACCEPTED_RATE, Migration};
use crate::plan::{Work, work};
use crate::state::State;
use crate::view::View;

/// Unexplained differences of one read method, in a million comparisons.
const MISMATCHES: u32 = 1_000;
/// Unexplained differences of all read methods together, in a million comparisons.
const ALL_MISMATCHES: u32 = 300;
/// Slow attempts at the candidate, in a million.
const SLOW_ATTEMPTS: u32 = 20_000;
/// Events that the candidate's background work set aside, in a million.
const EVENTS_SET_ASIDE: u32 = 5_000;
/// Failures beyond the local ones in a million attempts, while at most 1, 5 or 25 percent of the keys are at risk, while
/// more are, and while all are.
const ERRORS_AT_1: u32 = 20_000;
const ERRORS_AT_5: u32 = 10_000;
const ERRORS_AT_25: u32 = 5_000;
const ERRORS_AT_50: u32 = 2_500;
const ERRORS_AT_100: u32 = 1_000;

/// A rate that a gate bounds.
pub(crate) struct Rate {
    pub(crate) id: GateId,
    pub(crate) bad: u64,
    pub(crate) n: u64,
    pub(crate) limit: f64,
}

/// The rates that gate the step from the current state to `to`.
pub(crate) fn rates(migration: &Migration, view: &View, to: State) -> Vec<Rate> {
    let from = migration.state;
    let evidence = &view.evidence;
    let mut rates = Vec::new();
    let compares = from >= State::Shadow && from < State::Remote && to > State::Shadow;
    if compares {
        rates.extend(mismatch_rates(view, evidence));
        rates.push(rate(
            GateKind::Slow,
            evidence,
            |method| (method.candidate.slow, method.candidate.calls),
            share(SLOW_ATTEMPTS),
        ));
    }
    if from.serves_users() {
        let limit = error_margin(from) + local_failure_rate(migration, evidence);
        let candidate = |method: &MethodEvidence| (method.candidate.failed, method.candidate.calls);
        rates.push(rate(GateKind::Errors, evidence, candidate, limit));
    }
    if view.listens && work(migration) != Work::Home {
        rates.push(Rate {
            id: GateId::new(GateKind::Work, ""),
            bad: evidence.events_set_aside,
            n: evidence.events_handled,
            limit: share(EVENTS_SET_ASIDE),
        });
    }
    rates
}

/// One rate for each read method, and one for all.
fn mismatch_rates(view: &View, evidence: &Evidence) -> Vec<Rate> {
    let counts = |method: &MethodEvidence| (method.mismatched, method.compared);
    let reads = view.methods.iter().filter(|method| method.safe);
    let mut rates: Vec<_> = reads
        .map(|method| {
            let found = evidence.methods.get(&method.name).map_or((0, 0), counts);
            Rate {
                id: GateId::new(GateKind::Mismatch, &method.name),
                bad: found.0,
                n: found.1,
                limit: share(MISMATCHES),
            }
        })
        .collect();
    rates.push(rate(GateKind::MismatchAll, evidence, counts, share(ALL_MISMATCHES)));
    rates
}

/// A rate summed over all methods. `counts`: bad observations and observations of a method.
fn rate(kind: GateKind, evidence: &Evidence, counts: impl Fn(&MethodEvidence) -> (u64, u64), limit: f64) -> Rate {
    let (bad, n) = sum(evidence.methods.values(), counts);
    let id = GateId::new(kind, "");
    Rate { id, bad, n, limit }
}

/// Accepted failures beyond the local ones: fewer, the more keys are at risk.
fn error_margin(state: State) -> f64 {
    let per_million = match state {
        State::Canary(share) => match share.get() {
            0..=1 => ERRORS_AT_1,
            2..=5 => ERRORS_AT_5,
            6..=25 => ERRORS_AT_25,
            _ => ERRORS_AT_50,
        },
        _ => ERRORS_AT_100,
    };
    share(per_million)
}

/// Local calls that a stage needs before its own local failures are compared with.
const OWN_BASELINE_CALLS: u64 = 1_000;

/// Share of failed local calls: of this stage if there were enough, else of the frozen baseline.
fn local_failure_rate(migration: &Migration, evidence: &Evidence) -> f64 {
    let (failed, calls) = sum(evidence.methods.values(), |method| {
        (method.local.failed, method.local.calls)
    });
    if calls >= OWN_BASELINE_CALLS {
        return observed_rate(failed, calls);
    }
    let (failed, calls) = sum(migration.baseline.values(), |method| (method.failed, method.calls));
    observed_rate(failed, calls)
}

/// Bad observations and observations, summed.
fn sum<'a, T: 'a>(of: impl Iterator<Item = &'a T>, counts: impl Fn(&T) -> (u64, u64)) -> (u64, u64) {
    of.map(counts)
        .fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1))
}

impl Rate {
    /// The limit: the operator's, if an operator accepted a larger one.
    fn limit(&self, migration: &Migration) -> f64 {
        let waiver = migration.waivers.get(&self.id.to_string());
        let accepted = waiver.and_then(|waiver| waiver.limit);
        accepted
            .map_or(self.limit, |accepted| accepted.max(self.limit))
            .min(LARGEST_ACCEPTED_RATE)
    }

    /// Observations of the first look.
    fn first_look(&self, migration: &Migration) -> u64 {
        samples_if_clean(self.limit(migration))
    }

    /// The look that is due, if the sample has grown enough since the last one.
    pub(crate) fn due_look(&self, migration: &Migration) -> Option<Look> {
        let previous = migration.looks.get(&self.id.to_string()).copied();
        Look::due(previous, self.first_look(migration), self.bad, self.n)
    }

    /// The gate, judged at the last look.
    pub(crate) fn gate(&self, migration: &Migration, now: Timestamp) -> Gate {
        let limit = self.limit(migration);
        let previous = migration.looks.get(&self.id.to_string()).copied();
        let look = self.due_look(migration).or(previous);
        let bound = look.map(Look::bound);
        let verdict = match bound {
            Some(bound) if bound <= limit => Verdict::Green,
            _ if probability_of_at_least(self.bad, self.n, limit) < ERROR => {
                Verdict::Red(format!("{} of {} is above {:.3} %", self.bad, self.n, limit * 100.0))
            }
            _ => {
                let missing = until_next(look, self.first_look(migration), self.n);
                let seconds = seconds_until(migration, self.n, missing, now);
                Verdict::Held { missing, seconds }
            }
        };
        Gate {
            id: self.id.clone(),
            verdict,
            value: bound,
            limit: Some(limit),
            sample: self.n,
            confidence: look.map(|look| confidence_of_look(look.number)),
        }
    }
}

/// Seconds until `missing` more observations at the rate of this stage so far.
fn seconds_until(migration: &Migration, n: u64, missing: u64, now: Timestamp) -> Option<u64> {
    let elapsed = u64::try_from(now.as_micros().saturating_sub(migration.entered_at.as_micros())).ok()?;
    let micros = u128::from(missing) * u128::from(elapsed) / u128::from((n > 0).then_some(n)?);
    u64::try_from(micros / 1_000_000).ok()
}

/// The looks that are due at this evidence, by gate.
pub(crate) fn due_looks(migration: &Migration, view: &View) -> BTreeMap<String, Look> {
    let Some(next) = migration.state.next(&migration.settings.steps) else {
        return BTreeMap::new();
    };
    let rates = rates(migration, view, next);
    let due = rates
        .iter()
        .filter_map(|rate| Some((rate.id.to_string(), rate.due_look(migration)?)));
    due.collect()
}
