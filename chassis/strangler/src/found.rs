//! Differences on their way to the control database. Beyond a limit they are dropped: the counts are in the evidence.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use offshoot_contract::Timestamp;
use serde_json::Value;

/// Differences of one module that wait.
const MAX_WAITING: usize = 256;

/// A difference that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The generation that entered the stage, and the build of the candidate.
    pub(crate) entered: u64,
    pub(crate) build: String,
    /// Method, field and kind.
    pub(crate) class: String,
    pub(crate) at: Timestamp,
    /// Redacted arguments and answers.
    pub(crate) sample: Value,
}

/// Differences that wait, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct FoundQueue(Mutex<VecDeque<Found>>);

impl FoundQueue {
    pub(crate) fn push(&self, found: Found) {
        let mut waiting = self.lock();
        if waiting.len() < MAX_WAITING {
            waiting.push_back(found);
        }
    }

    /// Takes all differences that wait.
    pub(crate) fn take(&self) -> Vec<Found> {
        self.lock().drain(..).collect()
    }

    /// Puts differences back that could not be written.
    pub(crate) fn put_back(&self, found: Vec<Found>) {
        found.into_iter().for_each(|found| self.push(found));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Found>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
