//! The status of a migration, as operators see it: on the admin surface, and on the command line.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use serde::{Deserialize, Serialize};

use crate::evidence::MethodEvidence;
use crate::gate::{Gate, Verdict};
use crate::migration::{CandidateIdentity, Entry, Waiver};
use crate::plan::Work;
use crate::settings::Settings;
use crate::state::State;

/// Status of one module's migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The module.
    pub module: String,
    /// Time of the status.
    pub at: Timestamp,
    /// The generation of the record; 0 if the module was never moved.
    pub generation: u64,
    /// The current state.
    pub state: State,
    /// Time at which the state was entered. `None` if the module was never moved.
    pub entered_at: Option<Timestamp>,
    /// Whether a migration was started and not ended.
    pub started: bool,
    /// Whether steps forward are suspended.
    pub paused: bool,
    /// Reason for an automatic step back.
    pub halted: Option<String>,
    /// The state of the next step forward.
    pub next: Option<State>,
    /// The state of the next step back.
    pub previous: Option<State>,
    /// Whether a step forward would be accepted now.
    pub can_go_forward: bool,
    /// Whether a step back is possible. Always true after the first state.
    pub can_go_back: bool,
    /// The gates of the next step forward.
    pub gates: Vec<GateStatus>,
    /// The live processes that route calls of the module.
    pub members: Vec<MemberStatus>,
    /// The processes at the candidate's addresses. `None` if none answers.
    pub candidate: Option<CandidateStatus>,
    /// The processes that do the background work.
    pub work: Work,
    /// Share of the entity keys at the candidate, 0 to 1.
    pub share_of_keys: f64,
    /// Share of this stage's calls that the candidate executed, 0 to 1. `None` before the first call.
    pub share_of_calls: Option<f64>,
    /// Counts of this stage and this build, by method.
    pub methods: BTreeMap<String, MethodEvidence>,
    /// The operator's choices.
    pub settings: Settings,
    /// Gates that an operator accepted.
    pub waivers: BTreeMap<String, Waiver>,
    /// The newest entry of the history.
    pub last: Option<Entry>,
    /// What this process cannot see or do now, such as the control database that does not answer.
    pub warnings: Vec<String>,
}

/// A gate of the next step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateStatus {
    /// Name, such as `mismatch:reading`.
    pub name: String,
    /// The verdict.
    pub verdict: VerdictKind,
    /// What was found, or the reason of the operator who accepted the gate.
    pub detail: String,
    /// Upper bound of the rate, 0 to 1. `None` for a gate that is a fact.
    pub value: Option<f64>,
    /// Largest accepted rate, 0 to 1.
    pub limit: Option<f64>,
    /// Observations.
    pub sample: u64,
    /// Confidence of the value, 0 to 1.
    pub confidence: Option<f64>,
    /// Observations that are missing until the next look.
    pub missing: Option<u64>,
    /// Seconds until then, at the rate of this stage so far.
    pub seconds: Option<u64>,
    /// Whether an operator may accept the gate by name.
    pub can_be_waived: bool,
}

offshoot_contract::named! {
    /// Verdict of a gate.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum VerdictKind {
        /// Passes.
        Green = "green",
        /// Passes because an operator accepted the gate.
        Accepted = "accepted",
        /// Cannot be decided yet.
        Held = "held",
        /// Does not pass.
        Red = "red",
    }
}

impl From<&Gate> for GateStatus {
    fn from(gate: &Gate) -> Self {
        let (verdict, detail, missing, seconds) = match &gate.verdict {
            Verdict::Green => (VerdictKind::Green, String::new(), None, None),
            Verdict::Accepted(reason) => (VerdictKind::Accepted, reason.clone(), None, None),
            Verdict::Held { missing, seconds } => (VerdictKind::Held, String::new(), Some(*missing), *seconds),
            Verdict::Red(found) => (VerdictKind::Red, found.clone(), None, None),
        };
        Self {
            name: gate.id.to_string(),
            verdict,
            detail,
            value: gate.value,
            limit: gate.limit,
            sample: gate.sample,
            confidence: gate.confidence,
            missing,
            seconds,
            can_be_waived: gate.id.kind.can_be_waived(),
        }
    }
}

/// A live process that routes calls of the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Host and process id.
    pub name: String,
    /// The generation whose plan the process runs.
    pub acknowledged: u64,
    /// Whether the process knows an address of the candidate.
    pub has_address: bool,
    /// Whether the implementation is part of the process's binary.
    pub has_implementation: bool,
}

/// The processes at the candidate's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateStatus {
    /// Identity, if all addresses show the same.
    pub identity: Option<CandidateIdentity>,
    /// Whether each answering process works on the members' data.
    pub same_data: bool,
    /// Whether a candidate does background work.
    pub works: bool,
}
