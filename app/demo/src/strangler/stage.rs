//! One state of the walk: its meaning for a reader, and its figures so far.

use std::fmt::Write as _;

use tokio::time::Instant;

use super::admin::{Counts, Gate, Status};
use super::live::Progressed;
use super::report::StateReport;

/// The current state, and the newest status in this state.
pub(super) struct Stage {
    pub(super) begin: Instant,
    /// The work of the load before this state.
    before: Progressed,
    pub(super) status: Status,
}

impl Stage {
    pub(super) fn new(status: Status, before: Progressed) -> Self {
        Self {
            begin: Instant::now(),
            before,
            status,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.status.state
    }

    /// Takes a newer status of the same state. Counts stay while the candidate, and so its build, is not known.
    pub(super) fn update(&mut self, newer: Status) {
        let older = std::mem::replace(&mut self.status, newer);
        if self.status.methods.is_empty() {
            self.status.methods = older.methods;
            self.status.share_of_calls = older.share_of_calls;
        }
    }

    /// The work of the load in this state. `now`: since the load began.
    pub(super) fn progressed(&self, now: Progressed) -> Progressed {
        now.since(self.before)
    }

    /// A count, summed over all methods.
    pub(super) fn sum(&self, count: impl Fn(&Counts) -> u64) -> u64 {
        self.status.methods.values().map(count).sum()
    }

    /// One line: the figures of this moment.
    pub(super) fn figures(&self, now: Progressed) -> String {
        let done = self.progressed(now);
        let mut line = format!(
            "{:7.1} s  {} requests, {} failed   {} compared, {} differ   candidate: {:.0} % of keys",
            self.begin.elapsed().as_secs_f64(),
            done.requests,
            done.failed,
            self.sum(|method| method.compared),
            self.sum(|method| method.mismatched),
            self.status.share_of_keys * 100.0,
        );
        // Writing to a string cannot fail.
        if let Some(share) = self.status.share_of_calls {
            let _ = write!(line, ", {:.0} % of calls", share * 100.0);
        }
        let fallbacks = self.sum(|method| method.fallbacks);
        if fallbacks > 0 {
            let _ = write!(line, ", {fallbacks} calls fell back");
        }
        line
    }

    /// The gates of the next step: how many are open, and the first that is not.
    pub(super) fn gates(&self) -> String {
        let gates = &self.status.gates;
        let open = gates.iter().filter(|gate| gate.passes()).count();
        let closed = gates.iter().find(|gate| !gate.passes());
        let closed = closed.map_or_else(String::new, |gate| format!(", waits for {}", shown(gate)));
        format!("{open} of {} gates open{closed}", gates.len())
    }

    pub(super) fn report(&self, now: Progressed) -> StateReport {
        let done = self.progressed(now);
        StateReport {
            name: self.name().to_owned(),
            seconds: self.begin.elapsed().as_secs_f64(),
            requests: done.requests,
            failed_requests: done.failed,
            baskets: done.baskets,
            share_of_keys: self.status.share_of_keys,
            share_of_calls: self.status.share_of_calls,
            comparisons: self.sum(|method| method.compared),
            mismatches: self.sum(|method| method.mismatched),
            fallbacks: self.sum(|method| method.fallbacks),
        }
    }
}

/// A gate with its sample, or with its finding.
pub(super) fn shown(gate: &Gate) -> String {
    match gate.missing {
        Some(missing) => format!("{} ({} of {})", gate.name, gate.sample, gate.sample + missing),
        None if gate.detail.is_empty() => gate.name.clone(),
        None => format!("{} ({})", gate.name, gate.detail),
    }
}

/// The side that answers in a state, and the meaning of the state.
pub(super) fn explain(state: &str) -> (&'static str, &'static str) {
    match state {
        "local" => ("the store", "one process executes every call"),
        "encoded" => (
            "the store",
            "arguments and answers also pass through the JSON of the wire, beside the call",
        ),
        "shadow" => (
            "the store",
            "reads are repeated at the candidate afterwards, and both answers are compared",
        ),
        "remote" => (
            "the candidate",
            "the store stands by, and executes what the candidate cannot answer",
        ),
        _ => (
            "both, by key",
            "the candidate executes this share of the keys, also the writes; the comparison goes on",
        ),
    }
}

/// Order of the states on the way out.
pub(super) fn rank(state: &str) -> u8 {
    match state {
        "local" => 0,
        "encoded" => 1,
        "shadow" => 2,
        "remote" => u8::MAX,
        canary => canary
            .strip_prefix("canary:")
            .and_then(|share| share.parse::<u8>().ok())
            .map_or(u8::MAX, |share| share.saturating_add(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_ordered_by_the_way_out() {
        let states = ["local", "encoded", "shadow", "canary:1", "canary:50", "remote"];
        assert!(states.is_sorted_by_key(|state| rank(state)));
    }
}
