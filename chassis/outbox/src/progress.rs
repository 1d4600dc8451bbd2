//! Positions of a subscription's partitions in this process, and the events that this process has handled, in memory. The cursor of an idle partition is stored only now and
//! then, so metrics would show events that other partitions have handled as waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Largest number of partitions.
const PARTITIONS_MAX: usize = 64;
/// This process does not handle the partition.
const ELSEWHERE: i64 = -1;

/// Positions by partition, and counts of events. Clones share both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    positions: [AtomicI64; PARTITIONS_MAX],
    /// Events whose transaction has committed, those that were parked included.
    handled: AtomicU64,
    /// Events that failed and were parked.
    parked: AtomicU64,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            positions: [const { AtomicI64::new(ELSEWHERE) }; PARTITIONS_MAX],
            handled: AtomicU64::new(0),
            parked: AtomicU64::new(0),
        }
    }
}

impl Progress {
    /// The position of a partition; `None` if this process does not handle the partition.
    pub(crate) fn position(&self, partition: i32) -> Option<i64> {
        let position = self.slot(partition)?.load(Relaxed);
        (position != ELSEWHERE).then_some(position)
    }

    /// Every event up to `position` is handled or parked, as far as this process knows.
    pub(crate) fn record(&self, partition: i32, position: i64) {
        if let Some(slot) = self.slot(partition) {
            slot.store(position, Relaxed);
        }
    }

    /// Counts events whose transaction has committed.
    pub(crate) fn count_handled(&self, events: usize) {
        self.0.handled.fetch_add(events as u64, Relaxed);
    }

    /// Counts an event that failed and was parked.
    pub(crate) fn count_parked(&self) {
        self.0.handled.fetch_add(1, Relaxed);
        self.0.parked.fetch_add(1, Relaxed);
    }

    /// Events that this process has handled, and of these the parked ones.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.0.handled.load(Relaxed), self.0.parked.load(Relaxed))
    }

    /// Forgets the partition when the guard is dropped: another process may handle the partition from then on.
    pub(crate) fn forget_on_drop(&self, partition: i32) -> Forgetting {
        let progress = self.clone();
        Forgetting { progress, partition }
    }

    fn slot(&self, partition: i32) -> Option<&AtomicI64> {
        self.0.positions.get(usize::try_from(partition).ok()?)
    }
}

/// Ends the record of a partition.
pub(crate) struct Forgetting {
    progress: Progress,
    partition: i32,
}

impl Drop for Forgetting {
    fn drop(&mut self) {
        self.progress.record(self.partition, ELSEWHERE);
    }
}
