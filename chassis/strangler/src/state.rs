//! States of a migration, in the order of the way out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Share of the entity keys that the candidate executes: 1 to 99 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

impl Percent {
    /// The smallest share.
    pub const MIN: Self = Self(1);

    /// A share of 1 to 99 percent. `None` outside that range: 0 is the state Shadow, 100 the state Remote.
    #[must_use]
    pub const fn new(percent: u8) -> Option<Self> {
        if percent >= 1 && percent <= 99 {
            Some(Self(percent))
        } else {
            None
        }
    }

    /// The share in percent.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Percent {
    type Error = InvalidState;

    fn try_from(percent: u8) -> Result<Self, InvalidState> {
        Self::new(percent).ok_or_else(|| InvalidState(format!("canary:{percent}")))
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

/// Who executes the calls of a module. Ordered by the way out: each state gives the candidate more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum State {
    /// Each process executes its own calls.
    Local,
    /// As `Local`; arguments and answers also pass through the REST encoding, beside the call.
    Encoded,
    /// As `Local`; a sample of the reads is repeated at the candidate, and the answers are compared.
    Shadow,
    /// The candidate executes the calls of this share of the entity keys.
    Canary(Percent),
    /// The candidate executes all calls; the local implementation stands by.
    Remote,
    /// The candidate executes all calls; no process has the implementation in its binary.
    Detached,
}

/// Error for a text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid state: use local, encoded, shadow, canary:1 to canary:99, remote or detached")]
pub struct InvalidState(String);

impl State {
    /// The next state of the way out. `steps`: the canary shares, ascending. `None` at the end.
    #[must_use]
    pub fn next(self, steps: &[Percent]) -> Option<Self> {
        let above = |share: Option<Percent>| {
            let next = steps.iter().find(|step| share.is_none_or(|share| **step > share));
            Some(next.map_or(State::Remote, |step| State::Canary(*step)))
        };
        match self {
            State::Local => Some(State::Encoded),
            State::Encoded => Some(State::Shadow),
            State::Shadow => above(None),
            State::Canary(share) => above(Some(share)),
            State::Remote => Some(State::Detached),
            State::Detached => None,
        }
    }

    /// The state before this one, on the way back. `steps`: the canary shares, ascending. `None` at the beginning.
    #[must_use]
    pub fn previous(self, steps: &[Percent]) -> Option<Self> {
        let below = |share: Option<Percent>| {
            let previous = steps.iter().rev().find(|step| share.is_none_or(|share| **step < share));
            Some(previous.map_or(State::Shadow, |step| State::Canary(*step)))
        };
        match self {
            State::Local => None,
            State::Encoded => Some(State::Local),
            State::Shadow => Some(State::Encoded),
            State::Canary(share) => below(Some(share)),
            State::Remote => below(None),
            State::Detached => Some(State::Remote),
        }
    }

    /// Whether the candidate executes calls of users.
    #[must_use]
    pub const fn serves_users(self) -> bool {
        matches!(self, State::Canary(_) | State::Remote | State::Detached)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Local => f.write_str("local"),
            State::Encoded => f.write_str("encoded"),
            State::Shadow => f.write_str("shadow"),
            State::Canary(share) => write!(f, "canary:{}", share.0),
            State::Remote => f.write_str("remote"),
            State::Detached => f.write_str("detached"),
        }
    }
}

impl FromStr for State {
    type Err = InvalidState;

    fn from_str(text: &str) -> Result<Self, InvalidState> {
        let invalid = || InvalidState(text.chars().take(40).collect());
        match text {
            "local" => Ok(State::Local),
            "encoded" => Ok(State::Encoded),
            "shadow" => Ok(State::Shadow),
            "remote" => Ok(State::Remote),
            "detached" => Ok(State::Detached),
            _ => {
                let share = text.strip_prefix("canary:").and_then(|share| share.parse().ok());
                share.and_then(Percent::new).map(State::Canary).ok_or_else(invalid)
            }
        }
    }
}

impl TryFrom<String> for State {
    type Error = InvalidState;

    fn try_from(text: String) -> Result<Self, InvalidState> {
        text.parse()
    }
}

impl From<State> for String {
    fn from(state: State) -> Self {
        state.to_string()
    }
}
