//! Counts rejected rows and keeps the messages of the first 20.

use std::fmt;

use serde::Serialize;

/// Largest number of messages. More messages would hide the summary below them.
const SHOWN: usize = 20;

/// Rejected rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BadRows {
    /// Number of rejected rows.
    pub count: u64,
    /// Messages of the first 20, each with place, field and value.
    pub shown: Vec<String>,
}

impl BadRows {
    pub(super) fn add(&mut self, message: impl FnOnce() -> String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(message());
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = SHOWN - self.shown.len();
        self.shown.extend(other.shown.into_iter().take(room));
    }
}

impl fmt::Display for BadRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for message in &self.shown {
            writeln!(f, "  {message}")?;
        }
        let hidden = self.count - self.shown.len() as u64;
        if hidden > 0 {
            writeln!(f, "  and {hidden} more")?;
        }
        Ok(())
    }
}
