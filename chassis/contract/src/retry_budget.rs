//! Retry budget of one switch: limits retries to a share of the calls, so that an overloaded callee does not receive a
//! multiple of the normal load. Applies in addition to the retry budget of each request.

use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::Relaxed;

/// Calls that earn one retry.
const CALLS_PER_RETRY: i32 = 10;
/// Retries that can be saved up.
const MAX_RETRIES: i32 = 100;

/// Balance, in calls.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicI32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicI32::new(MAX_RETRIES * CALLS_PER_RETRY))
    }
}

impl RetryBudget {
    /// Adds one call to the balance. To be called once per call, not for retries.
    pub(crate) fn deposit(&self) {
        // The balance is full most of the time: then this only reads.
        if self.0.load(Relaxed) < MAX_RETRIES * CALLS_PER_RETRY {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// Withdraws the cost of one retry; false if the balance is too low.
    pub(crate) fn try_withdraw(&self) -> bool {
        let withdrawn = |balance: i32| balance.checked_sub(CALLS_PER_RETRY).filter(|left| *left >= 0);
        self.0.fetch_update(Relaxed, Relaxed, withdrawn).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::context::CallContext;

    #[test]
    fn a_retry_is_taken_from_the_budgets_of_the_request_and_of_the_switch() {
        let budget = Arc::new(RetryBudget(AtomicI32::new(CALLS_PER_RETRY)));
        let mut cx = CallContext::root("test");
        cx.set_retry_budget(Some(Arc::clone(&budget)));
        assert!(cx.take_retry());
        assert!(!cx.take_retry(), "the switch has no retry left");
        cx.set_retry_budget(None);
        assert_eq!([0; 3].map(|_| cx.take_retry()), [true, true, false]);
        budget.0.store(CALLS_PER_RETRY, Relaxed);
        cx.set_retry_budget(Some(Arc::clone(&budget)));
        assert!(!cx.take_retry(), "the request has no retry left");
        assert!(budget.try_withdraw(), "a refused retry costs the switch nothing");
    }

    #[test]
    fn a_full_budget_is_spent_before_retries_are_limited_to_one_call_in_ten() {
        let budget = RetryBudget::default();
        let mut retries = 0;
        for _ in 0..2_000 {
            budget.deposit();
            retries += i32::from(budget.try_withdraw());
        }
        // The deposit of the first call is lost, because the balance is full.
        assert!((MAX_RETRIES + 198..=MAX_RETRIES + 200).contains(&retries), "{retries}");
    }
}
