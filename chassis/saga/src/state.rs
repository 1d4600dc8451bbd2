//! Where a saga can stand. Knows no database.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Where a saga stands. One that is compensating is stored as running or waiting, and as undoing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "`means` says it")]
pub enum State {
    Running,
    Waiting,
    Compensating,
    Stuck,
    Done,
    Undone,
}

impl State {
    /// Every one.
    pub const ALL: [Self; 6] = [
        State::Running,
        State::Waiting,
        State::Compensating,
        State::Stuck,
        State::Done,
        State::Undone,
    ];
    /// Those that are not over.
    pub const OPEN: [Self; 4] = [State::Running, State::Waiting, State::Compensating, State::Stuck];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Waiting => "waiting",
            State::Compensating => "compensating",
            State::Stuck => "stuck",
            State::Done => "done",
            State::Undone => "undone",
        }
    }

    /// In a sentence.
    #[must_use]
    pub const fn means(self) -> &'static str {
        match self {
            State::Running => "somebody carries it on",
            State::Waiting => "the last attempt was in vain; it is tried again by itself",
            State::Compensating => "it is being undone",
            State::Stuck => "too many attempts were in vain; it waits for an operator",
            State::Done => "every step is done",
            State::Undone => "every step that was done has been taken back",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("the states are {}", Self::ALL.map(State::as_str).join(", ")))
    }
}
