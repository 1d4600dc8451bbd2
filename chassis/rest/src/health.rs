//! Circuit breaker, latency EWMA and in-flight count of one remote address.
//!
//! Knows no module and reads no clock: callers pass the time, in nanoseconds since the client started.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::time::Duration;

use offshoot_contract::Backoff;

use crate::limits::{ClientLimits, EWMA_TIME_CONSTANT, MAX_SILENCE};

/// A failure adds to the score as much as two answers subtract, so an address that fails half of its calls is ejected.
const FAILURE_WEIGHT: u32 = 2;
const ANSWER_WEIGHT: u32 = 1;

#[derive(Debug, Default)]
pub(crate) struct Health {
    in_flight: AtomicU32,
    calls: AtomicU64,
    /// Calls in flight that are answered soon; long polls are not.
    awaited: AtomicU32,
    /// Begin of the present time with awaited calls.
    busy_since: AtomicU64,
    answered_at: AtomicU64,
    /// Ejected for silence: the next probe is an identity check, and no call.
    is_silent: AtomicBool,
    /// A check of the silence is under way.
    is_checked: AtomicBool,
    /// EWMA of call latency, nanoseconds.
    latency_ewma: AtomicU64,
    latency_updated_at: AtomicU64,
    failure_score: AtomicU32,
    /// The circuit is open until this time; 0: the circuit is closed.
    open_until: AtomicU64,
    /// Ejections in a row, failed probes included.
    ejections: AtomicU32,
    /// The latest failure was a fast `Unavailable`, usually a refused connection, or a defect, perhaps of one method only.
    is_last_resort: AtomicBool,
}

/// State of the circuit breaker: whether the address may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CircuitState {
    /// All calls pass.
    Closed,
    /// The ejection time is over: the next call becomes the probe.
    HalfOpen,
    /// The address is ejected until this time, nanoseconds.
    Open(u64),
}

impl CircuitState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open(_) => "open",
        }
    }
}

impl Health {
    pub(crate) fn circuit_state(&self, now: u64) -> CircuitState {
        match self.open_until.load(Acquire) {
            0 => CircuitState::Closed,
            until if until <= now => CircuitState::HalfOpen,
            until => CircuitState::Open(until),
        }
    }

    /// Claims the half-open probe. True for a single caller; all others see the circuit open for another ejection time.
    pub(crate) fn acquire_probe(&self, now: u64, limits: &ClientLimits) -> bool {
        let until = self.open_until.load(Acquire);
        let next = now + nanos(self.ejection_time(limits));
        let claim = || self.open_until.compare_exchange(until, next, AcqRel, Acquire);
        until != 0 && until <= now && claim().is_ok()
    }

    pub(crate) fn begin_call(&self, now: u64, is_awaited: bool) {
        if is_awaited {
            if self.awaited.load(Relaxed) == 0 {
                self.busy_since.store(now, Relaxed);
            }
            self.awaited.fetch_add(1, Relaxed);
        }
        self.in_flight.fetch_add(1, Relaxed);
        self.calls.fetch_add(1, Relaxed);
    }

    pub(crate) fn end_call(&self, was_awaited: bool) {
        if was_awaited {
            self.awaited.fetch_sub(1, Relaxed);
        }
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// How long awaited calls have been in flight without an answer to any call, nanoseconds.
    pub(crate) fn silence(&self, now: u64) -> u64 {
        if self.awaited.load(Relaxed) == 0 {
            return 0;
        }
        let heard_at = self.busy_since.load(Relaxed).max(self.answered_at.load(Relaxed));
        now.saturating_sub(heard_at)
    }

    /// Claims the check of an address that has answered nothing for a while. True for a single caller, until `end_check`.
    pub(crate) fn begin_check_of_silence(&self, now: u64) -> bool {
        self.silence(now) >= nanos(MAX_SILENCE) && !self.is_checked.swap(true, AcqRel)
    }

    /// Ends the silence: an address that has answered the check is busy with long calls.
    pub(crate) fn record_sign_of_life(&self, now: u64) {
        self.answered_at.store(now, Relaxed);
    }

    /// Ends the check.
    pub(crate) fn end_check_of_silence(&self) {
        self.is_checked.store(false, Release);
    }

    /// Ejects an address that answers nothing. True if the address was not ejected before.
    pub(crate) fn eject_silent(&self, now: u64, limits: &ClientLimits) -> bool {
        let until = now + nanos(self.ejection_time(limits));
        let is_new = self.open_until.swap(until, AcqRel) == 0;
        self.is_silent.store(true, Release);
        self.is_last_resort.store(false, Relaxed);
        self.ejections.fetch_add(1, Relaxed);
        is_new
    }

    /// Whether the address was ejected for silence, and was not identified since.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent.load(Acquire)
    }

    /// Records an answer, whatever the answer says. `closes_circuit`: the call was a probe or a last resort.
    pub(crate) fn record_answer(&self, closes_circuit: bool, now: u64) {
        self.answered_at.store(now, Relaxed);
        if closes_circuit {
            self.failure_score.store(0, Relaxed);
            self.ejections.store(0, Relaxed);
            self.is_silent.store(false, Release);
            self.open_until.store(0, Release);
        } else if self.failure_score.load(Relaxed) > 0 {
            let lower = |score: u32| Some(score.saturating_sub(ANSWER_WEIGHT));
            let _ = self.failure_score.fetch_update(Relaxed, Relaxed, lower);
        }
    }

    pub(crate) fn set_last_resort(&self, is_last_resort: bool) {
        self.is_last_resort.store(is_last_resort, Relaxed);
    }

    /// Whether an ejected address may be called while there is no other: another fast refusal would cost next to nothing, and
    /// a process with a defect may answer other methods.
    pub(crate) fn is_last_resort(&self) -> bool {
        self.is_last_resort.load(Relaxed)
    }

    /// Half-opens an open circuit after a successful identity check. Only an answered call closes the circuit.
    pub(crate) fn record_identified(&self, now: u64) {
        self.is_silent.store(false, Release);
        let half_open = |until: u64| (until > now).then_some(now.max(1));
        let _ = self.open_until.fetch_update(AcqRel, Acquire, half_open);
    }

    /// Records a failure of the address. True if this failure ejects an address that was not ejected before.
    pub(crate) fn record_failure(&self, is_probe: bool, now: u64, limits: &ClientLimits) -> bool {
        let score = self.failure_score.fetch_add(FAILURE_WEIGHT, AcqRel) + FAILURE_WEIGHT;
        let is_closed = self.open_until.load(Acquire) == 0;
        // Calls sent before the ejection do not prolong the ejection.
        if is_probe || (is_closed && score >= limits.failures * FAILURE_WEIGHT) {
            self.open_until.store(now + nanos(self.ejection_time(limits)), Release);
            self.ejections.fetch_add(1, Relaxed);
        }
        is_closed && self.open_until.load(Acquire) != 0
    }

    /// Doubles with every ejection in a row.
    fn ejection_time(&self, limits: &ClientLimits) -> Duration {
        let ejections = self.ejections.load(Relaxed);
        Backoff::new(limits.pause, limits.longest_pause).pause_after(ejections.saturating_add(1))
    }

    /// Updates the latency EWMA.
    pub(crate) fn record_latency(&self, latency: Duration, now: u64) {
        let before = self.latency_updated_at.swap(now, Relaxed);
        let weight = decay(now.saturating_sub(before));
        let ewma = Duration::from_nanos(self.latency_ewma.load(Relaxed));
        // Peak EWMA: a worse latency counts at once, a better one gradually.
        let next = if latency > ewma {
            latency
        } else {
            ewma.mul_f64(weight) + latency.mul_f64(1.0 - weight)
        };
        self.latency_ewma.store(nanos(next), Relaxed);
    }

    /// Load of the address as one more call would find it: latency EWMA x in-flight calls. The EWMA decays while no
    /// call is made, so a slow address is tried again. The present silence is the least latency: an address that answers
    /// nothing has no new latency to show.
    pub(crate) fn expected_cost(&self, now: u64) -> f64 {
        let age = now.saturating_sub(self.latency_updated_at.load(Relaxed));
        let ewma = self.latency_ewma.load(Relaxed) as f64 * decay(age);
        (ewma.max(self.silence(now) as f64) + 1.0) * f64::from(self.in_flight.load(Relaxed) + 1)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }
}

/// Weight of a measurement of this age, 0 to 1.
fn decay(age_nanos: u64) -> f64 {
    (-(age_nanos as f64) / EWMA_TIME_CONSTANT.as_nanos() as f64).exp()
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
    fn failures_in_a_row_open_the_circuit_and_an_answered_probe_closes_it() {
        let health = Health::default();
        for _ in 0..4 {
            assert!(!health.record_failure(false, 0, &limits()));
        }
        assert_eq!(health.circuit_state(0), CircuitState::Closed);
        assert!(health.record_failure(false, 0, &limits()));
        assert_eq!(health.circuit_state(0), CircuitState::Open(SECOND / 2));
        assert_eq!(health.circuit_state(SECOND / 2), CircuitState::HalfOpen);
        assert!(health.acquire_probe(SECOND / 2, &limits()));
        assert!(!health.acquire_probe(SECOND / 2, &limits()), "one probe at a time");
        health.record_answer(false, 0);
        assert_ne!(
            health.circuit_state(SECOND / 2),
            CircuitState::Closed,
            "an answer to an earlier call closed the circuit"
        );
        health.record_answer(true, 0);
        assert_eq!(health.circuit_state(SECOND / 2), CircuitState::Closed);
    }

    #[test]
    fn a_successful_identity_check_half_opens_the_circuit_at_once() {
        let health = Health::default();
        health.record_identified(1);
        assert_eq!(health.circuit_state(1), CircuitState::Closed);
        for _ in 0..5 {
            health.record_failure(false, 0, &limits());
        }
        health.record_identified(1);
        assert_eq!(health.circuit_state(1), CircuitState::HalfOpen);
        assert!(health.acquire_probe(1, &limits()));
        assert_ne!(health.circuit_state(1), CircuitState::HalfOpen, "one probe at a time");
    }

    #[test]
    fn each_failed_probe_doubles_the_ejection_time_up_to_the_longest() {
        let health = Health::default();
        let mut now = 0;
        let mut ejection_times = Vec::new();
        for _ in 0..12 {
            health.record_failure(now > 0, now, &limits());
            if let CircuitState::Open(until) = health.circuit_state(now) {
                ejection_times.push((until - now) / (SECOND / 2));
                now = until;
                assert!(health.acquire_probe(now, &limits()));
            }
        }
        assert_eq!(ejection_times, [1, 2, 4, 8, 16, 20, 20, 20]);
    }

    #[test]
    fn a_failure_rate_of_one_half_opens_the_circuit_and_one_fifth_does_not() {
        let (half, fifth) = (Health::default(), Health::default());
        for n in 0..30 {
            half.record_failure(false, 0, &limits());
            half.record_answer(false, 0);
            if n % 5 == 0 {
                fifth.record_failure(false, 0, &limits());
            } else {
                fifth.record_answer(false, 0);
            }
        }
        assert_ne!(half.circuit_state(0), CircuitState::Closed);
        assert_eq!(fifth.circuit_state(0), CircuitState::Closed);
    }

    #[test]
    fn a_slow_address_costs_more_until_the_latency_has_decayed() {
        let (slow, fast) = (Health::default(), Health::default());
        slow.record_latency(Duration::from_millis(500), 0);
        fast.record_latency(Duration::from_millis(1), 0);
        assert!(slow.expected_cost(SECOND) > fast.expected_cost(SECOND));
        fast.record_latency(Duration::from_millis(1), 10 * SECOND);
        assert!(slow.expected_cost(10 * SECOND) < fast.expected_cost(10 * SECOND));
    }

    #[test]
    fn an_address_that_answers_nothing_costs_its_silence_and_is_checked_once() {
        let (hung, busy) = (Health::default(), Health::default());
        for health in [&hung, &busy] {
            health.record_latency(Duration::from_millis(1), 0);
            health.begin_call(0, true);
        }
        let now = nanos(MAX_SILENCE);
        busy.record_answer(false, now);
        assert_eq!((hung.silence(now), busy.silence(now)), (now, 0));
        assert!(hung.expected_cost(now) > 1_000.0 * busy.expected_cost(now));
        assert!(!hung.begin_check_of_silence(now - 1), "not before the time has passed");
        assert!(hung.begin_check_of_silence(now) && !busy.begin_check_of_silence(now));
        assert!(!hung.begin_check_of_silence(now), "one check at a time");
        hung.set_last_resort(true);
        assert!(hung.eject_silent(now, &limits()));
        assert!(hung.is_silent() && !hung.is_last_resort());
        // Each further check without an answer doubles the pause.
        assert!(!hung.eject_silent(now, &limits()));
        assert_eq!(hung.circuit_state(now), CircuitState::Open(now + SECOND));
        hung.record_identified(now + 1);
        assert!(!hung.is_silent());
        assert_eq!(hung.circuit_state(now + 1), CircuitState::HalfOpen);
    }

    #[test]
    fn an_address_that_answers_the_check_is_busy_with_a_long_call() {
        let health = Health::default();
        health.begin_call(0, true);
        let now = nanos(MAX_SILENCE);
        assert!(health.begin_check_of_silence(now));
        health.record_sign_of_life(now);
        health.end_check_of_silence();
        assert_eq!(health.silence(now), 0);
        health.end_call(true);
        // Long polls wait for what may never come.
        health.begin_call(0, false);
        assert_eq!(health.silence(100 * SECOND), 0);
    }
}
