//! Budget of the checks beside the calls of users: few at a time, and fewer while this process is short of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::histogram::micros;

/// Checks of one module at a time.
const PERMITS: usize = 8;
/// A check that starts later after its call shows that the process has no time for checks.
const LATE: Duration = Duration::from_millis(5);
/// Time for which a late check halves the share of the sampled calls.
const RELIEF: Duration = Duration::from_secs(1);
/// Odds of the repetitions on the local side among the comparisons.
const RACE_CHECKS: u64 = 16;

/// Checks in flight, and the draws of the sample.
pub(crate) struct Budget {
    permits: Arc<Semaphore>,
    since: Instant,
    /// Until then half of the share is sampled, in microseconds since `since`.
    relief_until_us: AtomicU64,
    draws: AtomicU64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(PERMITS)),
            since: Instant::now(),
            relief_until_us: AtomicU64::new(0),
            draws: AtomicU64::new(0),
        }
    }

    /// A permit for one check. `None`: the checks in flight are enough.
    pub(crate) fn try_acquire(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// Whether a call belongs to the sample of `per_mille` calls of 1,000.
    pub(crate) fn draws_sample(&self, per_mille: u16) -> bool {
        let share = u64::from(per_mille) * if self.has_relief() { 1 } else { 2 };
        self.draw() % 2_000 < share
    }

    /// Whether a comparison is to repeat the call on the local side instead of at the candidate.
    pub(crate) fn draws_race_check(&self) -> bool {
        self.draw().is_multiple_of(RACE_CHECKS)
    }

    /// Whether a check that begins now, after its call was answered at `answered`, is too late. Then fewer calls are sampled.
    pub(crate) fn is_late(&self, answered: Instant) -> bool {
        let is_late = answered.elapsed() > LATE;
        if is_late {
            self.relief_until_us.store(self.micros() + micros(RELIEF), Relaxed);
        }
        is_late
    }

    fn has_relief(&self) -> bool {
        let until = self.relief_until_us.load(Relaxed);
        until > 0 && self.micros() < until
    }

    fn micros(&self) -> u64 {
        micros(self.since.elapsed())
    }

    /// A number without a pattern: calls that come in a pattern must not all be in the sample, or all outside.
    fn draw(&self) -> u64 {
        let mut number = self
            .draws
            .fetch_add(1, Relaxed)
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }
}
