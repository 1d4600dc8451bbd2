//! Counts of one stage and one build, summed over all members.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Evidence of one stage and one build of the candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The generation that entered the stage.
    pub entered: u64,
    /// The build of the candidate.
    pub build: String,
    /// Counts by method.
    pub methods: BTreeMap<String, MethodEvidence>,
    /// Events that the candidate's background work handled.
    pub events_handled: u64,
    /// Events that the candidate's background work set aside.
    pub events_set_aside: u64,
}

impl Evidence {
    /// Adds the counts of another process for the same stage and build.
    pub fn add(&mut self, other: &Evidence) {
        for (name, counts) in &other.methods {
            self.methods.entry(name.clone()).or_default().add(counts);
        }
        self.events_handled += other.events_handled;
        self.events_set_aside += other.events_set_aside;
    }
}

/// Counts of one method.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodEvidence {
    /// Values that passed through the encoding beside the call.
    pub encoded: u64,
    /// Values that did not survive the encoding.
    pub encoding_failed: u64,
    /// Comparisons with a result: equal, or different without an explanation.
    pub compared: u64,
    /// Comparisons that found an unexplained difference.
    pub mismatched: u64,
    /// Unexplained differences with a failed comparison that no rule covers, by class. Names a method and a field.
    pub classes: BTreeSet<String>,
    /// Fields of the answer that no comparison has covered.
    pub fields_never_compared: BTreeSet<String>,
    /// Attempts in this process.
    pub local: SideCounts,
    /// Attempts at the candidate, repeated reads included.
    pub candidate: SideCounts,
    /// Calls that the local implementation executed after the candidate had not answered.
    pub fallbacks: u64,
    /// Attempts at the candidate that repeated a read for comparison. Part of the candidate's attempts.
    #[serde(default)]
    pub repeated: u64,
    /// Comparisons that differed only in fields in which the local implementation differed from itself. Part of `compared`.
    #[serde(default)]
    pub noise: u64,
    /// Comparisons without a result: the local answer kept changing, or one side had no capacity for the repetition.
    #[serde(default)]
    pub unsettled: u64,
    /// Sampled calls that were not checked, because the checks before were slow.
    #[serde(default)]
    pub dropped: u64,
    /// Reads that were repeated on the local side instead of at the candidate.
    #[serde(default)]
    pub race_checks: u64,
    /// Repetitions on the local side that gave another answer: the share of differences that writes in between explain.
    #[serde(default)]
    pub races: u64,
}

impl MethodEvidence {
    fn add(&mut self, other: &MethodEvidence) {
        // A field is covered once one process has compared the field, so a process without comparisons says nothing.
        self.fields_never_compared = match (self.compared, other.compared) {
            (_, 0) => std::mem::take(&mut self.fields_never_compared),
            (0, _) => other.fields_never_compared.clone(),
            _ => &self.fields_never_compared & &other.fields_never_compared,
        };
        self.encoded += other.encoded;
        self.encoding_failed += other.encoding_failed;
        self.compared += other.compared;
        self.mismatched += other.mismatched;
        self.classes.extend(other.classes.iter().cloned());
        self.local.add(other.local);
        self.candidate.add(other.candidate);
        self.fallbacks += other.fallbacks;
        self.repeated += other.repeated;
        self.noise += other.noise;
        self.unsettled += other.unsettled;
        self.dropped += other.dropped;
        self.race_checks += other.race_checks;
        self.races += other.races;
    }
}

/// Attempts on one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideCounts {
    /// Ended attempts.
    pub calls: u64,
    /// Attempts that ended in a failure other than a domain error.
    pub failed: u64,
    /// Attempts slower than the limit of this stage.
    pub slow: u64,
    /// 99th percentile of the latency, in microseconds. Zero without a call.
    pub p99_us: u64,
}

impl SideCounts {
    fn add(&mut self, other: SideCounts) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
        // The slower process bounds both.
        self.p99_us = self.p99_us.max(other.p99_us);
    }
}
