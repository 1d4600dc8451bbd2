//! The record of a migration, and the entries of its history.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::observed_rate;
use crate::difference::IgnoreRule;
use crate::look::Look;
use crate::settings::Settings;
use crate::state::State;

/// Largest limit that an operator may accept: a gate that accepts more proves nothing.
pub(crate) const LARGEST_ACCEPTED_RATE: f64 = 0.5;

/// The record of one module's migration: intent, never the authority for writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    /// Rises by one with every accepted request, except windows without consequence. A store writes a record only over
    /// the generation before.
    pub generation: u64,
    /// The current state.
    pub state: State,
    /// The generation that entered the current state. Evidence of other stages does not count.
    pub entered: u64,
    /// Time at which the current state was entered. For estimates only.
    pub entered_at: Timestamp,
    /// Whether the migration was started and not ended.
    pub started: bool,
    /// No step forward while paused. Harm is judged all the same.
    pub paused: bool,
    /// Reason for an automatic step back. No step forward until an operator resumes.
    pub halted: Option<String>,
    /// The operator's choices.
    pub settings: Settings,
    /// Gates that the operator accepted by name, for the current stage.
    pub waivers: BTreeMap<String, Waiver>,
    /// Constant part of each key's hash, so that no two migrations put the same keys at risk first.
    pub salt: u64,
    /// The candidate whose evidence counts.
    pub candidate: Option<CandidateIdentity>,
    /// Failures and latency of the local implementation by method, frozen when the candidate begins to answer.
    pub baseline: BTreeMap<String, Baseline>,
    /// Looks at the evidence of this stage and this build, by gate.
    pub looks: BTreeMap<String, Look>,
    /// Number of the last judged window.
    pub judged: u64,
    /// Bad windows in a row.
    pub bad_windows: u8,
    /// Differences that an operator declared as meant.
    #[serde(default)]
    pub rules: Vec<IgnoreRule>,
}

impl Migration {
    /// A record of a module that was never moved. `salt`: random.
    #[must_use]
    pub fn new(salt: u64, now: Timestamp) -> Self {
        Self {
            generation: 0,
            state: State::Local,
            entered: 0,
            entered_at: now,
            started: false,
            paused: false,
            halted: None,
            settings: Settings::default(),
            waivers: BTreeMap::new(),
            salt,
            candidate: None,
            baseline: BTreeMap::new(),
            looks: BTreeMap::new(),
            judged: 0,
            bad_windows: 0,
            rules: Vec::new(),
        }
    }
}

/// Identity of a candidate. Evidence belongs to one build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CandidateIdentity {
    /// Hash of the executable.
    pub build: String,
    /// Hash of the contract.
    pub contract: String,
    /// Newest migration of the module's schema.
    pub migration: String,
}

/// The operator's decision to go on although a gate is not green.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiver {
    /// A larger limit for a rate, as a share. Without a limit the gate passes whatever it measured.
    pub limit: Option<f64>,
    /// The operator's reason.
    pub reason: String,
    /// The operator.
    pub operator: String,
}

/// The local implementation before the candidate answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Calls.
    pub calls: u64,
    /// Calls that ended in a failure other than a domain error.
    pub failed: u64,
    /// 99th percentile of the latency, in microseconds.
    pub p99_us: u64,
}

impl Baseline {
    /// Share of failed calls, 0 to 1.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        observed_rate(self.failed, self.calls)
    }
}

offshoot_contract::named! {
    /// The verb of a history entry.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Verb {
        /// A migration began.
        Start = "start",
        /// A step forward.
        Advance = "advance",
        /// A step back that an operator asked for.
        Rollback = "rollback",
        /// A step back because the candidate did harm.
        Halt = "halt",
        /// Steps forward were suspended.
        Pause = "pause",
        /// Steps forward are possible again.
        Resume = "resume",
        /// The settings changed.
        Set = "set",
        /// A gate was accepted by name.
        Waive = "waive",
        /// Differences of a field were declared as meant.
        Ignore = "ignore",
        /// The migration ended where it began.
        End = "end",
    }
}

/// One entry of the history: one for each generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The generation that this entry made.
    pub generation: u64,
    /// Time of the decision.
    pub at: Timestamp,
    /// The operator, or the name of the process that judged a window.
    pub operator: String,
    /// The verb.
    pub verb: Verb,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// The operator's reason, or the harm that was found. Empty where none is needed.
    pub reason: String,
    /// The gates of a step forward, one line each.
    pub evidence: Vec<String>,
}
