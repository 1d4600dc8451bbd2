//! The report of the walk, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use offshoot_replay::{Proof, Proofs};
use serde::Serialize;

use super::admin::Verdict;

/// Figures of one state.
#[derive(Debug, Serialize)]
pub(super) struct StateReport {
    pub(super) name: String,
    pub(super) seconds: f64,
    /// Requests of buyers and browsers, each attempt counted by itself.
    pub(super) requests: u64,
    pub(super) failed_requests: u64,
    pub(super) baskets: u64,
    /// Share of the keys that the candidate executes, 0 to 1.
    pub(super) share_of_keys: f64,
    /// Share of the calls that the candidate executed, 0 to 1.
    pub(super) share_of_calls: Option<f64>,
    pub(super) comparisons: u64,
    /// Comparisons with an unexplained difference.
    pub(super) mismatches: u64,
    /// Calls that the store executed because the candidate did not answer.
    pub(super) fallbacks: u64,
}

/// A gate at the moment of a step forward.
#[derive(Debug, Serialize)]
pub(super) struct GateReport {
    pub(super) name: String,
    /// The state before the step.
    pub(super) state: String,
    pub(super) verdict: Verdict,
    /// Upper bound of the measured rate, 0 to 1.
    pub(super) value: Option<f64>,
    /// Largest accepted rate, 0 to 1.
    pub(super) limit: Option<f64>,
    pub(super) sample: u64,
    /// Whether the demonstration accepted the gate by name.
    pub(super) accepted: bool,
    /// What was found, or the reason of the acceptance.
    pub(super) detail: String,
}

/// A wrong candidate that was caught.
#[derive(Debug, Serialize)]
pub(super) struct Caught {
    pub(super) state: String,
    pub(super) method: String,
    /// The field that differs, from the root of the answer: `items[].price.amount`.
    pub(super) field: String,
    /// Method, field and kind of the difference.
    pub(super) class: String,
    pub(super) seen: u64,
    /// Answer of the store to a step forward: all gates that do not pass, a line each.
    pub(super) refusal: String,
}

/// The walk of a module out of the store and back.
#[derive(Debug, Serialize)]
pub struct StranglerReport {
    pub(super) module: String,
    pub(super) pace: &'static str,
    /// Requests of buyers and browsers, each attempt counted by itself.
    pub(super) requests: u64,
    pub(super) failed_requests: u64,
    /// Failed requests by kind.
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) load_rps: f64,
    /// Ids of the store, of the candidate, and of each candidate started again.
    pub(super) pids: Vec<u32>,
    pub(super) states: Vec<StateReport>,
    pub(super) gates: Vec<GateReport>,
    pub(super) comparisons: u64,
    pub(super) mismatches: u64,
    /// Calls with an effect that the candidate executed.
    pub(super) writes_remote: u64,
    pub(super) fallbacks: u64,
    /// Reasons for steps back that the store took by itself.
    pub(super) halts: Vec<String>,
    /// Share of the candidate's answers that a proxy edits, 0 to 1; `None` for an honest candidate.
    pub(super) wrong: Option<f64>,
    pub(super) edited_answers: u64,
    /// The wrong candidate that was caught.
    pub(super) caught: Option<Caught>,
    pub(super) proofs: Vec<Proof>,
}

impl StranglerReport {
    /// Whether no request failed, every proof holds, and a wrong candidate was caught.
    #[must_use]
    pub fn holds(&self) -> bool {
        let is_caught = self.wrong.is_none() || self.caught.is_some();
        self.failed_requests == 0 && is_caught && self.proofs.iter().all(Proof::holds)
    }

    fn write_states(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:10} {:>8} {:>9} {:>7} {:>9} {:>7} {:>7} {:>7} {:>9}",
            "state", "seconds", "requests", "failed", "compared", "differ", "keys", "calls", "fallbacks"
        )?;
        for state in &self.states {
            let calls = state.share_of_calls.map_or_else(|| "-".to_owned(), percent);
            writeln!(
                f,
                "{:10} {:>8.1} {:>9} {:>7} {:>9} {:>7} {:>7} {calls:>7} {:>9}",
                state.name,
                state.seconds,
                state.requests,
                state.failed_requests,
                state.comparisons,
                state.mismatches,
                percent(state.share_of_keys),
                state.fallbacks,
            )?;
        }
        Ok(())
    }

    fn write_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = self.failures.iter().map(|(kind, count)| format!(" ({count} {kind})"));
        writeln!(
            f,
            "\n{} requests, {:.0} a second; {} failed{}",
            self.requests,
            self.load_rps,
            self.failed_requests,
            failures.collect::<String>()
        )?;
        writeln!(
            f,
            "{} comparisons, {} differences; the candidate executed {} calls with an effect; {} calls fell back",
            self.comparisons, self.mismatches, self.writes_remote, self.fallbacks
        )?;
        let accepted = self.gates.iter().filter(|gate| gate.accepted).count();
        writeln!(
            f,
            "{} gates passed, {accepted} of them accepted by name: a demonstration has few calls",
            self.gates.iter().filter(|gate| gate.verdict.passes()).count()
        )?;
        for halt in &self.halts {
            writeln!(f, "the store stepped back by itself: {halt}")?;
        }
        Ok(())
    }

    fn write_caught(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(rate) = self.wrong else { return Ok(()) };
        let (edited, rate) = (self.edited_answers, rate * 100.0);
        match &self.caught {
            Some(caught) => writeln!(
                f,
                "CAUGHT  {edited} answers of the candidate were wrong ({rate} % of all); in {}, {} of {} was found to \
                 differ, {} times\n        the step forward is refused, and no user saw a wrong answer",
                caught.state, caught.field, caught.method, caught.seen
            ),
            None => writeln!(f, "NOT CAUGHT  {edited} answers of the candidate were wrong ({rate} %)"),
        }
    }
}

impl fmt::Display for StranglerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} out of the store and back, under load\n", self.module)?;
        self.write_states(f)?;
        self.write_summary(f)?;
        self.write_caught(f)?;
        write!(f, "\n{}", Proofs(&self.proofs))
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
