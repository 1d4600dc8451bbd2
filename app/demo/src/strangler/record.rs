//! The record of a walk: states, gates, and the calls that the candidate executed.

use std::collections::{BTreeMap, BTreeSet};

use super::admin::{DifferenceClass, Refusal, Status};
use super::live::Progressed;
use super::report::{Caught, GateReport, StateReport};
use super::stage::Stage;

/// Everything that a walk has shown so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) states: Vec<StateReport>,
    pub(super) gates: Vec<GateReport>,
    /// Reasons for steps back that the store took by itself.
    pub(super) halts: Vec<String>,
    /// Calls that the candidate executed, by method.
    executed: BTreeMap<String, u64>,
    /// Methods without an effect.
    reads: BTreeSet<String>,
}

impl Record {
    /// A state has ended.
    pub(super) fn ended(&mut self, stage: &Stage, now: Progressed) {
        for (method, counts) in &stage.status.methods {
            let calls = counts.candidate.calls.saturating_sub(counts.candidate.failed);
            *self.executed.entry(method.clone()).or_default() += calls;
        }
        self.states.push(stage.report(now));
    }

    /// A step forward was asked for in this status.
    pub(super) fn step_forward(&mut self, status: &Status) {
        // Only methods without an effect are compared.
        let compared = status.gates.iter().filter(|gate| gate.kind() == "mismatch");
        self.reads
            .extend(compared.filter_map(|gate| gate.method()).map(str::to_owned));
        self.gates.extend(status.gates.iter().map(|gate| GateReport {
            name: gate.name.clone(),
            state: status.state.clone(),
            verdict: gate.verdict,
            value: gate.value,
            limit: gate.limit,
            sample: gate.sample,
            accepted: status.waivers.contains_key(&gate.name),
            detail: gate.detail.clone(),
        }));
    }

    /// Calls with an effect that the candidate executed.
    pub(super) fn writes_remote(&self) -> u64 {
        let writes = self.executed.iter().filter(|(method, _)| !self.reads.contains(*method));
        writes.map(|(_, calls)| calls).sum()
    }

    /// A figure, summed over all states.
    pub(super) fn sum(&self, figure: impl Fn(&StateReport) -> u64) -> u64 {
        self.states.iter().map(figure).sum()
    }
}

impl Caught {
    pub(super) fn new(state: &str, found: &DifferenceClass, refusal: &Refusal) -> Self {
        let mut words = found.class.split(' ').map(str::to_owned);
        Self {
            state: state.to_owned(),
            method: words.next().unwrap_or_default(),
            field: words.next().unwrap_or_default(),
            class: found.class.clone(),
            seen: found.seen,
            refusal: refusal.detail.clone(),
        }
    }
}
