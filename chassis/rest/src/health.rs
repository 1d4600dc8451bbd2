//! How one address is doing: how long it takes, and whether it is left alone for a while. Knows no module and no clock.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::time::Duration;

use crate::limits::{ClientLimits, MEMORY};

/// A failure adds as much to the score as it takes to bring it down again by as many answers.
const FAILURE: u32 = 2;
const ANSWER: u32 = 1;

/// Times are nanoseconds since a moment of the client's own.
#[derive(Debug, Default)]
pub(crate) struct Health {
    in_flight: AtomicU32,
    calls: AtomicU64,
    /// An average of how long calls took, in nanoseconds, and when it was brought up to date.
    took: AtomicU64,
    measured: AtomicU64,
    /// Failures weigh more than answers, so that an address of which half the calls fail is found too.
    score: AtomicU32,
    /// Left alone until then; 0: not at all.
    until: AtomicU64,
    /// How often in a row it was left alone.
    pauses: AtomicU32,
    /// Nobody was there when it last failed, and that was known at once.
    refuses: AtomicBool,
}

/// Whether an address may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// It was left alone for long enough: whoever asks first may try.
    Ajar,
    /// Until then, in nanoseconds.
    Shut(u64),
}

impl Health {
    pub(crate) fn door(&self, now: u64) -> Door {
        match self.until.load(Acquire) {
            0 => Door::Open,
            until if until <= now => Door::Ajar,
            until => Door::Shut(until),
        }
    }

    /// Whether the caller is the one that tries. The others find it shut for another while.
    pub(crate) fn may_try(&self, now: u64, limits: &ClientLimits) -> bool {
        let until = self.until.load(Acquire);
        let next = now + nanos(self.pause(limits));
        until != 0 && until <= now && self.until.compare_exchange(until, next, AcqRel, Acquire).is_ok()
    }

    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.calls.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// It gave an answer, whatever it was. `tried`: to the call that tries whether it does again.
    pub(crate) fn answered(&self, tried: bool) {
        if tried {
            self.score.store(0, Relaxed);
            self.pauses.store(0, Relaxed);
            self.until.store(0, Release);
        } else if self.score.load(Relaxed) > 0 {
            let fewer = |score: u32| Some(score.saturating_sub(ANSWER));
            let _ = self.score.fetch_update(Relaxed, Relaxed, fewer);
        }
    }

    /// Notes whether its latest failure cost next to nothing: nobody was there, and that was known at once.
    pub(crate) fn set_refuses(&self, refuses: bool) {
        self.refuses.store(refuses, Relaxed);
    }

    /// Whether it can be asked although it is left alone, because to be refused again would cost next to nothing.
    pub(crate) fn refuses(&self) -> bool {
        self.refuses.load(Relaxed)
    }

    /// It said who it is, which is not yet a call that works: the next call may try.
    pub(crate) fn is_there(&self, now: u64) {
        let sooner = |until: u64| (until > now).then_some(now.max(1));
        let _ = self.until.fetch_update(AcqRel, Acquire, sooner);
    }

    /// It gave none, or one that says that it is broken. True if it is left alone from now on, and was not before.
    pub(crate) fn failed(&self, tried: bool, now: u64, limits: &ClientLimits) -> bool {
        let score = self.score.fetch_add(FAILURE, AcqRel) + FAILURE;
        let is_open = self.until.load(Acquire) == 0;
        // What was sent before it was left alone says nothing new.
        if tried || (is_open && score >= limits.failures * FAILURE) {
            self.until.store(now + nanos(self.pause(limits)), Release);
            self.pauses.fetch_add(1, Relaxed);
        }
        is_open && self.until.load(Acquire) != 0
    }

    /// Doubles with every further one.
    fn pause(&self, limits: &ClientLimits) -> Duration {
        let doubled = 1 << self.pauses.load(Relaxed).min(16);
        (limits.pause * doubled).min(limits.longest_pause)
    }

    /// Brings the average up to date.
    pub(crate) fn took(&self, took: Duration, now: u64) {
        let before = self.measured.swap(now, Relaxed);
        let weight = remembered(now.saturating_sub(before));
        let average = Duration::from_nanos(self.took.load(Relaxed));
        // What is worse counts at once, what is better by and by.
        let next = if took > average {
            took
        } else {
            average.mul_f64(weight) + took.mul_f64(1.0 - weight)
        };
        self.took.store(nanos(next), Relaxed);
    }

    /// What one more call would have to expect here. Forgets, so that what was slow is tried again.
    pub(crate) fn cost(&self, now: u64) -> f64 {
        let age = now.saturating_sub(self.measured.load(Relaxed));
        let average = self.took.load(Relaxed) as f64 * remembered(age);
        (average + 1.0) * f64::from(self.in_flight.load(Relaxed) + 1)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }
}

/// The share of what was known so long ago that still counts.
fn remembered(nanos: u64) -> f64 {
    (-(nanos as f64) / MEMORY.as_nanos() as f64).exp()
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn limits() -> ClientLimits {
        ClientLimits::default()
    }

    #[test]
    fn failures_in_a_row_shut_it_and_one_try_opens_it() {
        let health = Health::default();
        for _ in 0..4 {
            assert!(!health.failed(false, 0, &limits()));
        }
        assert_eq!(health.door(0), Door::Open);
        assert!(health.failed(false, 0, &limits()));
        assert_eq!(health.door(0), Door::Shut(SECOND / 2));
        assert_eq!(health.door(SECOND / 2), Door::Ajar);
        assert!(health.may_try(SECOND / 2, &limits()));
        assert!(!health.may_try(SECOND / 2, &limits()), "one at a time");
        health.answered(false);
        assert_ne!(health.door(SECOND / 2), Door::Open, "an answer to an earlier call");
        health.answered(true);
        assert_eq!(health.door(SECOND / 2), Door::Open);
    }

    #[test]
    fn who_says_that_it_is_there_again_is_tried_at_once() {
        let health = Health::default();
        health.is_there(1);
        assert_eq!(health.door(1), Door::Open);
        for _ in 0..5 {
            health.failed(false, 0, &limits());
        }
        health.is_there(1);
        assert_eq!(health.door(1), Door::Ajar);
        assert!(health.may_try(1, &limits()));
        assert_ne!(health.door(1), Door::Ajar, "one at a time");
    }

    #[test]
    fn each_failed_try_doubles_the_pause_up_to_the_longest() {
        let health = Health::default();
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            health.failed(now > 0, now, &limits());
            if let Door::Shut(until) = health.door(now) {
                pauses.push((until - now) / (SECOND / 2));
                now = until;
                assert!(health.may_try(now, &limits()));
            }
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 20, 20, 20]);
    }

    #[test]
    fn half_of_the_calls_failing_shuts_it_and_one_of_many_does_not() {
        let (half, few) = (Health::default(), Health::default());
        for n in 0..30 {
            half.failed(false, 0, &limits());
            half.answered(false);
            if n % 5 == 0 {
                few.failed(false, 0, &limits());
            } else {
                few.answered(false);
            }
        }
        assert_ne!(half.door(0), Door::Open);
        assert_eq!(few.door(0), Door::Open);
    }

    #[test]
    fn slow_costs_more_and_is_forgotten() {
        let (slow, fast) = (Health::default(), Health::default());
        slow.took(Duration::from_millis(500), 0);
        fast.took(Duration::from_millis(1), 0);
        assert!(slow.cost(SECOND) > fast.cost(SECOND));
        fast.took(Duration::from_millis(1), 10 * SECOND);
        assert!(slow.cost(10 * SECOND) < fast.cost(10 * SECOND));
    }
}
