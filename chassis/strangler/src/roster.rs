//! The live processes that follow the control database, as this process has read them last.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::routed::Processes;
use crate::store::MemberState;

/// Time after which the roster is read again: processes come and go at the pace of heartbeats.
const MAX_AGE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Reading {
    members: Vec<(Uuid, MemberState)>,
    at: Option<Instant>,
}

/// The last reading. Stays as it is while the control database does not answer.
#[derive(Default)]
pub(crate) struct Roster(Mutex<Reading>);

impl Roster {
    pub(crate) fn is_due(&self) -> bool {
        self.lock().at.is_none_or(|at| at.elapsed() >= MAX_AGE)
    }

    pub(crate) fn set(&self, members: Vec<(Uuid, MemberState)>) {
        let at = Some(Instant::now());
        *self.lock() = Reading { members, at };
    }

    /// Whether a reading after `written` shows another state of a process, or none.
    pub(crate) fn lacks(&self, instance: Uuid, state: &MemberState, written: Instant) -> bool {
        let reading = self.lock();
        let is_newer = reading.at.is_some_and(|at| at > written);
        is_newer
            && !reading
                .members
                .iter()
                .any(|(found, shown)| *found == instance && shown == state)
    }

    /// Whether a live process runs the module's implementation, candidates apart.
    pub(crate) fn runs(&self, module: &str) -> bool {
        let reading = self.lock();
        let mut states = reading.members.iter().map(|(_, state)| state);
        states.any(|state| state.runs.iter().any(|name| name == module))
    }

    /// The processes that route or run the module.
    pub(crate) fn processes(&self, module: &str) -> Processes {
        let mut processes = Processes::default();
        for (instance, state) in &self.lock().members {
            if state.is_candidate_for(module) {
                processes.candidates.insert(*instance);
            } else if state.is_member_of(module) {
                processes.members.insert(*instance);
            }
        }
        processes
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
