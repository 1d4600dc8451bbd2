//! Positions of a subscription's partitions in this process, in memory. The cursor of an idle partition is stored only now and
//! then, so metrics would show events that other partitions have handled as waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Largest number of partitions.
const PARTITIONS_MAX: usize = 64;
/// This process does not handle the partition.
const ELSEWHERE: i64 = -1;

/// Positions by partition. Clones share the positions.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<[AtomicI64; PARTITIONS_MAX]>);

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new([const { AtomicI64::new(ELSEWHERE) }; PARTITIONS_MAX]))
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

    /// Forgets the partition when the guard is dropped: another process may handle the partition from then on.
    pub(crate) fn forget_on_drop(&self, partition: i32) -> Forgetting {
        let progress = self.clone();
        Forgetting { progress, partition }
    }

    fn slot(&self, partition: i32) -> Option<&AtomicI64> {
        self.0.get(usize::try_from(partition).ok()?)
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
