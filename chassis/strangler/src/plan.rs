//! The routing of one process, derived from the record and never stored.

use serde::{Deserialize, Serialize};

use crate::bounds::observed_rate;
use crate::migration::Migration;
use crate::state::State;

/// Hashes of entity keys are below this number.
const KEY_SPACE: u64 = 1 << 32;

/// Where the calls of one process run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Here.
    Local,
    /// Here, with the encoding beside the call.
    Encoded,
    /// Here, with a sample of the reads repeated at the candidate.
    Shadow,
    /// At the candidate if the hash of the entity key is below the threshold, else here.
    Split,
    /// At the candidate.
    Remote,
}

offshoot_contract::named! {
    /// The processes that do the module's background work.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Work {
        /// The members.
        Home = "home",
        /// The members and the candidate.
        Both = "both",
        /// The candidate; the members while no candidate is alive.
        Candidate = "candidate",
    }
}

/// What a process is able to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberAbilities {
    /// The implementation is part of the binary.
    pub has_implementation: bool,
    /// The process knows an address of the candidate.
    pub has_address: bool,
}

/// The routing of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The generation of the record.
    pub generation: u64,
    /// Where calls run.
    pub mode: Mode,
    /// Calls with a key hash below this number go to the candidate: 0 to 2^32. A larger share keeps every key of a smaller
    /// share.
    pub threshold: u64,
    /// Constant part of each key's hash.
    pub salt: u64,
    /// Reads of 1,000 that are compared.
    pub sample_per_mille: u16,
    /// The processes that do the background work.
    pub work: Work,
    /// Whether a call that the candidate did not answer may run here.
    pub fallback: bool,
}

/// The plan of one process. A process follows the record as far as it is able to.
#[must_use]
pub fn plan(migration: &Migration, abilities: MemberAbilities) -> Plan {
    let (mode, threshold) = route(migration.state, abilities);
    let compares = !matches!(mode, Mode::Local | Mode::Encoded);
    Plan {
        generation: migration.generation,
        mode,
        threshold,
        salt: migration.salt,
        sample_per_mille: if compares {
            migration.settings.sample_per_mille
        } else {
            0
        },
        work: work(migration),
        fallback: migration.settings.fallback && abilities.has_implementation,
    }
}

/// Share of the entity keys that a plan sends to the candidate, 0 to 1.
pub(crate) fn share_of_keys(plan: &Plan) -> f64 {
    observed_rate(plan.threshold, KEY_SPACE)
}

fn route(state: State, abilities: MemberAbilities) -> (Mode, u64) {
    if !abilities.has_implementation {
        return (Mode::Remote, KEY_SPACE);
    }
    match state {
        State::Local => (Mode::Local, 0),
        State::Encoded => (Mode::Encoded, 0),
        // Without an address there is no candidate to ask. The gates refuse a step forward then; a process that joined
        // later works on the same data, so its calls are right where they are.
        _ if !abilities.has_address => (Mode::Local, 0),
        State::Shadow => (Mode::Shadow, 0),
        State::Canary(share) => (Mode::Split, KEY_SPACE * u64::from(share.get()) / 100),
        State::Remote | State::Detached => (Mode::Remote, KEY_SPACE),
    }
}

/// The processes that do the background work in the current state.
pub(crate) fn work(migration: &Migration) -> Work {
    match migration.state {
        State::Local | State::Encoded | State::Shadow => Work::Home,
        State::Canary(share) if share < migration.settings.work_from => Work::Home,
        State::Canary(_) => Work::Both,
        State::Remote | State::Detached => Work::Candidate,
    }
}
