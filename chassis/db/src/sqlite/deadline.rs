//! Deadline of the statements of one SQLite connection. SQLite's progress handler checks the deadline every few
//! thousand virtual machine steps and interrupts a statement that runs too long.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// The instant from which deadlines count.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Virtual machine steps between two checks of the clock: some tens of microseconds.
pub(super) const STEPS_PER_CHECK: i32 = 4_000;

/// Time by which the statements of one connection must have ended, in microseconds after `START`.
pub(crate) struct StatementDeadline(AtomicU64);

impl StatementDeadline {
    pub(super) fn unlimited() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    pub(crate) fn set(&self, deadline: Instant) {
        let after = deadline.saturating_duration_since(*START).as_micros();
        self.0
            .store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Lets statements run without a limit.
    pub(super) fn clear(&self) {
        self.0.store(u64::MAX, Ordering::Release);
    }

    /// Interrupts the statement that runs now.
    pub(super) fn expire(&self) {
        self.0.store(0, Ordering::Release);
    }

    pub(super) fn has_passed(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            u64::MAX => false,
            at => START.elapsed().as_micros() >= u128::from(at),
        }
    }
}
