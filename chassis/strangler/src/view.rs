//! The observations of one moment, read in the same transaction as the record.

use offshoot_contract::MethodSpec;

use crate::evidence::Evidence;
use crate::migration::CandidateIdentity;

/// The processes and the evidence at the moment of a decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// The live processes that route calls of the module.
    pub members: Vec<Member>,
    /// Processes in the module's roster that work on the module's data and are neither a member nor the candidate.
    pub strangers: Vec<String>,
    /// The candidate. `None` if no address answered.
    pub candidate: Option<Candidate>,
    /// The methods of the contract.
    pub methods: Vec<MethodKind>,
    /// Whether the module handles events of others.
    pub listens: bool,
    /// The evidence of the current stage and the current build. Other evidence is ignored.
    pub evidence: Evidence,
}

impl View {
    /// Identity of the candidate. `None` if no address answered, or the addresses show different builds.
    pub(crate) fn identity(&self) -> Option<&CandidateIdentity> {
        self.candidate.as_ref()?.identity.as_ref()
    }
}

/// A live process that routes calls of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name for people: host and process id.
    pub name: String,
    /// The generation whose plan the process runs.
    pub acknowledged: u64,
    /// Whether the process knows an address of the candidate; of a process that does not run the module, whether a candidate
    /// answers there.
    pub has_address: bool,
    /// Whether the implementation is part of the process's binary.
    pub has_implementation: bool,
    /// Whether the implementation runs in the process. All calls of a process without it go to its addresses.
    pub runs: bool,
}

/// The processes at the candidate's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Identity, if all addresses show the same.
    pub identity: Option<CandidateIdentity>,
    /// Identity that this migration needs: contract and newest migration of the members. `build` is not compared.
    pub expected: CandidateIdentity,
    /// Whether each answering instance has a live heartbeat in the members' own database.
    pub same_data: bool,
    /// Whether the candidate works on background jobs although no plan allows it.
    pub works: bool,
    /// Whether each answering process was started as a candidate.
    pub is_declared: bool,
    /// What is wrong with the answering processes: another contract, store or data. Names both sides.
    pub fault: Option<String>,
}

/// A method of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodKind {
    /// Name.
    pub name: String,
    /// Whether the method has no effect, and may be repeated at the candidate.
    pub safe: bool,
}

impl From<&MethodSpec> for MethodKind {
    fn from(spec: &MethodSpec) -> Self {
        Self {
            name: spec.name.to_owned(),
            safe: spec.class.may_mirror(),
        }
    }
}
