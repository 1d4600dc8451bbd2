//! Ends a SQLite statement that runs past its deadline. SQLite asks every few thousand steps whether to go on.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// The instant from which alarms count.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Virtual machine steps between two looks at the clock: some tens of microseconds.
pub(super) const STEPS_PER_LOOK: i32 = 4_000;

/// When the statements of one connection must have ended: microseconds after `START`.
pub(crate) struct Alarm(AtomicU64);

impl Alarm {
    pub(super) fn off() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    pub(crate) fn set(&self, deadline: Instant) {
        let after = deadline.saturating_duration_since(*START).as_micros();
        self.0
            .store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// No statement ends before it is done.
    pub(super) fn clear(&self) {
        self.0.store(u64::MAX, Ordering::Release);
    }

    /// Whatever runs ends now.
    pub(super) fn ring(&self) {
        self.0.store(0, Ordering::Release);
    }

    pub(super) fn rings(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            u64::MAX => false,
            at => START.elapsed().as_micros() >= u128::from(at),
        }
    }
}
