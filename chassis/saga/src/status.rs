//! Status of a saga. Knows no database.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Status of a saga. The database stores the status `undoing` as `running` or `waiting`, with a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "`description` explains each")]
pub enum SagaStatus {
    Running,
    Waiting,
    Undoing,
    Stuck,
    Done,
    Undone,
}

impl SagaStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        SagaStatus::Running,
        SagaStatus::Waiting,
        SagaStatus::Undoing,
        SagaStatus::Stuck,
        SagaStatus::Done,
        SagaStatus::Undone,
    ];
    /// The statuses of sagas that have not ended.
    pub const OPEN: [Self; 4] = [
        SagaStatus::Running,
        SagaStatus::Waiting,
        SagaStatus::Undoing,
        SagaStatus::Stuck,
    ];

    /// Name of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SagaStatus::Running => "running",
            SagaStatus::Waiting => "waiting",
            SagaStatus::Undoing => "undoing",
            SagaStatus::Stuck => "stuck",
            SagaStatus::Done => "done",
            SagaStatus::Undone => "undone",
        }
    }

    /// The status in a sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            SagaStatus::Running => "an execution holds the lease",
            SagaStatus::Waiting => "the last attempt failed; the saga is retried with backoff",
            SagaStatus::Undoing => "the saga is being undone",
            SagaStatus::Stuck => "too many attempts failed; the saga waits for an operator",
            SagaStatus::Done => "every step is done",
            SagaStatus::Undone => "every completed step has been undone",
        }
    }
}

impl fmt::Display for SagaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SagaStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| {
            format!(
                "`{text}` is not a valid state: the states are {}",
                Self::ALL.map(SagaStatus::as_str).join(", ")
            )
        })
    }
}
