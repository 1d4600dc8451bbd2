//! Gates: conditions of a step forward, each with its value, its limit and the evidence behind the value.

use std::fmt;

use serde::{Deserialize, Serialize};

offshoot_contract::named! {
    /// The condition of a gate.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    pub enum GateKind {
        /// Each live member runs the plan of the current generation.
        Members = "members",
        /// Each live member knows an address of the candidate.
        Address = "address",
        /// Nobody else works on the module's data.
        Strangers = "strangers",
        /// The candidate answers, and does no background work before the plan allows it.
        Candidate = "candidate",
        /// All addresses show the same build, and the contract and migrations of the members.
        Identity = "identity",
        /// The candidate works on the members' data, not on a copy.
        Data = "data",
        /// Arguments and answers survive the encoding.
        Encoding = "encoding",
        /// Unexplained differences of one read method.
        Mismatch = "mismatch",
        /// Unexplained differences of all read methods together.
        MismatchAll = "mismatch-all",
        /// No class of unexplained differences is open.
        Differences = "differences",
        /// Each field of each answer was compared.
        Coverage = "coverage",
        /// Share of slow attempts at the candidate.
        Slow = "slow",
        /// Failures at the candidate, beyond those of the local implementation.
        Errors = "errors",
        /// Each method with an effect was executed by the candidate.
        Writes = "writes",
        /// Events that the candidate's background work set aside.
        Work = "work",
        /// The local implementation did not have to stand in.
        Fallback = "fallback",
        /// No live member has the implementation in its binary.
        Features = "features",
    }
}

impl GateKind {
    /// Whether an operator may accept the gate by name. Gates that keep data safe are never accepted.
    #[must_use]
    pub const fn can_be_waived(self) -> bool {
        !matches!(
            self,
            GateKind::Members
                | GateKind::Address
                | GateKind::Strangers
                | GateKind::Candidate
                | GateKind::Identity
                | GateKind::Data
                | GateKind::Features
        )
    }
}

/// Name of a gate: the kind, and the method or process. `mismatch:reading` as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GateId {
    /// The condition.
    pub kind: GateKind,
    /// A method or process. Empty for a gate of the whole module.
    pub subject: String,
}

impl GateId {
    pub(crate) fn new(kind: GateKind, subject: &str) -> Self {
        Self {
            kind,
            subject: subject.to_owned(),
        }
    }
}

impl fmt::Display for GateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if self.subject.is_empty() {
            return Ok(());
        }
        write!(f, ":{}", self.subject)
    }
}

/// Whether a gate lets a step pass.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Passes.
    Green,
    /// Passes because an operator accepted the gate; the reason.
    Accepted(String),
    /// Cannot be decided yet.
    Held {
        /// Observations until the next look. Zero where the gate does not count.
        missing: u64,
        /// Seconds until then at the rate of this stage so far. `None` without an observation.
        seconds: Option<u64>,
    },
    /// Does not pass; what was found, and on which object.
    Red(String),
}

impl Verdict {
    /// Whether a step may pass.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Verdict::Green | Verdict::Accepted(_))
    }
}

/// One gate at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Name.
    pub id: GateId,
    /// The verdict.
    pub verdict: Verdict,
    /// Upper bound of the rate, 0 to 1. `None` for a gate that is a fact.
    pub value: Option<f64>,
    /// Largest accepted rate, 0 to 1. `None` for a gate that is a fact.
    pub limit: Option<f64>,
    /// Observations of this stage and this build.
    pub sample: u64,
    /// Confidence of the value, 0 to 1.
    pub confidence: Option<f64>,
}

impl Gate {
    /// A gate that is a fact. `Err`: what was found.
    pub(crate) fn fact(id: GateId, found: Result<(), String>) -> Self {
        let verdict = found.map_or_else(Verdict::Red, |()| Verdict::Green);
        Self::without_rate(id, verdict)
    }

    /// A gate without a rate.
    pub(crate) fn without_rate(id: GateId, verdict: Verdict) -> Self {
        Self {
            id,
            verdict,
            value: None,
            limit: None,
            sample: 0,
            confidence: None,
        }
    }
}

impl fmt::Display for Gate {
    /// One line: the name, the verdict, and the measured rate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.id)?;
        match &self.verdict {
            Verdict::Green => f.write_str("green")?,
            Verdict::Accepted(reason) => write!(f, "accepted, {reason}")?,
            Verdict::Red(found) => write!(f, "red, {found}")?,
            Verdict::Held { missing, seconds } => {
                write!(f, "{missing} more observations are needed")?;
                if let Some(seconds) = seconds {
                    write!(f, ", in {seconds} s at this rate")?;
                }
            }
        }
        if let (Some(value), Some(limit), Some(confidence)) = (self.value, self.limit, self.confidence) {
            let (value, limit, confidence) = (value * 100.0, limit * 100.0, confidence * 100.0);
            let sample = self.sample;
            write!(
                f,
                " ({sample} observed: below {value:.3} % with {confidence:.1} % confidence, limit {limit:.3} %)"
            )?;
        }
        Ok(())
    }
}
