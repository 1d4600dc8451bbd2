//! How many calls of one switch may be repeated, beside what each request may spend: a callee that is in trouble is not
//! given many times its load.

use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::Relaxed;

/// One repeat for so many calls, in the long run.
const CALLS_PER_REPEAT: i32 = 10;
/// Repeats that can be saved up.
const SAVED: i32 = 100;

/// What may be spent, in calls.
#[derive(Debug)]
pub(crate) struct RepeatBudget(AtomicI32);

impl Default for RepeatBudget {
    fn default() -> Self {
        Self(AtomicI32::new(SAVED * CALLS_PER_REPEAT))
    }
}

impl RepeatBudget {
    /// A call that is no repeat.
    pub(crate) fn earn(&self) {
        // Once it is full, which it nearly always is, this only reads.
        if self.0.load(Relaxed) < SAVED * CALLS_PER_REPEAT {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// Whether a call may be repeated.
    pub(crate) fn spend(&self) -> bool {
        let spent = |saved: i32| saved.checked_sub(CALLS_PER_REPEAT).filter(|left| *left >= 0);
        self.0.fetch_update(Relaxed, Relaxed, spent).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_spent_and_then_one_call_in_ten_is_repeated() {
        let budget = RepeatBudget::default();
        let mut repeats = 0;
        for _ in 0..2_000 {
            budget.earn();
            repeats += i32::from(budget.spend());
        }
        // The first call finds it full.
        assert!((SAVED + 198..=SAVED + 200).contains(&repeats), "{repeats}");
    }
}
