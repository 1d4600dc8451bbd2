//! Exponential backoff: the pause before the next attempt doubles with each failure, up to a limit.
//!
//! backon, the library for this, iterates inside its own retry loop. Sagas and parked events persist the number of
//! failures instead, so they need the pause as a function of that number.

use std::time::Duration;

/// A series of pauses. Copied where a series is a constant; each copy counts its own failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses from `first`, doubled with each failure, to at most `max`.
    #[must_use]
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            failures: 0,
        }
    }

    /// The pause after so many consecutive failures. Zero failures count as one.
    #[must_use]
    pub fn pause_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.max)
    }

    /// Counts a failure, and returns the pause before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.pause_after(self.failures)
    }

    /// Like [`next_pause`](Self::next_pause), scattered between half and one and a half times the pause, so that many
    /// processes do not retry at the same moment.
    pub fn next_scattered_pause(&mut self) -> Duration {
        scattered(self.next_pause())
    }

    /// Forgets all failures, because an attempt has succeeded.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Whether the next pause would be the first of the longest ones: the moment to warn, once.
    #[must_use]
    pub fn is_nearly_longest(&self) -> bool {
        self.pause_after(self.failures) < self.max && self.pause_after(self.failures.saturating_add(1)) == self.max
    }
}

/// The pause, scattered between half and one and a half times its length.
#[must_use]
pub fn scattered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_pause_doubles_up_to_the_limit_and_starts_again_after_a_success() {
        let mut backoff = Backoff::new(MS(10), MS(50));
        let pauses = [(); 4].map(|()| backoff.next_pause());
        assert_eq!(pauses, [MS(10), MS(20), MS(40), MS(50)]);
        backoff.reset();
        assert_eq!(backoff.next_pause(), MS(10));
    }

    #[test]
    fn one_failure_is_the_last_before_the_longest_pause() {
        let mut backoff = Backoff::new(MS(10), MS(50));
        let nearly = [(); 5].map(|()| {
            backoff.next_pause();
            backoff.is_nearly_longest()
        });
        assert_eq!(nearly, [false, false, true, false, false]);
    }

    #[test]
    fn any_number_of_failures_has_a_pause() {
        let backoff = Backoff::new(MS(10), Duration::MAX);
        assert_eq!(backoff.pause_after(0), MS(10));
        assert!(backoff.pause_after(u32::MAX) > MS(10));
        assert_eq!(Backoff::new(MS(10), MS(50)).pause_after(u32::MAX), MS(50));
    }

    #[test]
    fn a_scattered_pause_stays_near_its_length() {
        for _ in 0..1_000 {
            let pause = scattered(MS(100));
            assert!((MS(50)..MS(150)).contains(&pause), "{pause:?}");
        }
    }
}
