//! Liveness of other replicas, by the clock of this process: a process lives while its heartbeat count rises.
//!
//! A row alone proves nothing: a killed process leaves its row behind, and a copy of the data has the rows of all processes
//! that ran when the copy was taken. Reads no database.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// Heartbeats of other replicas as this process has seen them.
#[derive(Default)]
pub(crate) struct Liveness {
    seen: BTreeMap<Uuid, Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    heartbeats: i64,
    /// First sight, or the latest change of the count.
    changed: Instant,
    /// Whether the count has changed since the first sight.
    has_risen: bool,
}

impl Liveness {
    /// Records the heartbeat count of a replica.
    pub(crate) fn record(&mut self, instance: Uuid, heartbeats: i64) {
        let now = Instant::now();
        let first = Seen {
            heartbeats,
            changed: now,
            has_risen: false,
        };
        let seen = self.seen.entry(instance).or_insert(first);
        if seen.heartbeats != heartbeats {
            *seen = Seen {
                has_risen: true,
                ..first
            };
        }
    }

    /// Forgets the replicas without a row.
    pub(crate) fn retain(&mut self, has_row: impl Fn(Uuid) -> bool) {
        self.seen.retain(|instance, _| has_row(*instance));
    }

    /// Whether the count of a known replica has not changed for `timeout`.
    pub(crate) fn is_silent(&self, instance: Uuid, timeout: Duration) -> bool {
        let seen = self.seen.get(&instance);
        seen.is_some_and(|seen| seen.changed.elapsed() >= timeout)
    }

    /// Whether the count of a replica has risen within `timeout`.
    pub(crate) fn has_risen(&self, instance: Uuid, timeout: Duration) -> bool {
        let seen = self.seen.get(&instance);
        seen.is_some_and(|seen| seen.has_risen && seen.changed.elapsed() < timeout)
    }
}
