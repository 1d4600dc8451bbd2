//! Counts of one stage and one build in this process. Counting an attempt takes a few atomic additions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offshoot_contract::{Attempt, MethodSpec, Outcome, Side, Timestamp};

use crate::difference::IgnoreRule;
use crate::evidence::{Evidence, MethodEvidence, SideCounts};
use crate::findings::Findings;
use crate::histogram::{Histogram, micros};
use crate::migration::Baseline;

/// An attempt is slow above this multiple of the local 99th percentile, and above that percentile and the margin of the
/// settings.
const SLOW_FACTOR: u64 = 2;
/// Local calls of this stage after which their latency, not the frozen one, is the measure.
const OWN_BASELINE_CALLS: u64 = 1_000;

/// Counts of one stage and one build.
#[derive(Debug)]
pub(crate) struct Tally {
    entered: u64,
    build: String,
    methods: Box<[MethodTally]>,
}

/// Counts of one method.
#[derive(Debug)]
pub(crate) struct MethodTally {
    name: &'static str,
    local: SideTally,
    candidate: SideTally,
    /// 99th percentile of the local latency before this stage. Zero: unknown.
    frozen_p99_us: u64,
    /// Margin beyond the local percentile up to which no attempt is slow.
    slow_margin_us: AtomicU64,
    /// Attempts that take longer are slow.
    slow_from_us: AtomicU64,
    fallbacks: AtomicU64,
    repeated: AtomicU64,
    findings: Mutex<Findings>,
    /// Values that passed through the encoding, and those that did not survive.
    pub(crate) encoded: AtomicU64,
    pub(crate) encoding_failed: AtomicU64,
    pub(crate) noise: AtomicU64,
    pub(crate) unsettled: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) race_checks: AtomicU64,
    pub(crate) races: AtomicU64,
}

/// Attempts on one side.
#[derive(Debug, Default)]
struct SideTally {
    calls: AtomicU64,
    failed: AtomicU64,
    slow: AtomicU64,
    latency: Histogram,
}

/// Whether an outcome is no failure: an answer, or an error of the domain.
pub(crate) fn is_answer(outcome: Outcome) -> bool {
    matches!(outcome.as_str(), "ok" | "domain-error")
}

impl Tally {
    pub(crate) fn new(
        entered: u64,
        build: &str,
        methods: &[&'static MethodSpec],
        baseline: &BTreeMap<String, Baseline>,
        slow_margin_ms: u32,
    ) -> Self {
        let method = |spec: &&'static MethodSpec| {
            let frozen = baseline.get(spec.name).map_or(0, |frozen| frozen.p99_us);
            MethodTally::new(spec.name, frozen, slow_margin_ms)
        };
        Self {
            entered,
            build: build.to_owned(),
            methods: methods.iter().map(method).collect(),
        }
    }

    pub(crate) fn build(&self) -> &str {
        &self.build
    }

    /// The counts of a method. `index`: its position in the trait.
    pub(crate) fn method(&self, index: usize) -> Option<&MethodTally> {
        self.methods.get(index)
    }

    /// Sets the margin beyond the local percentile up to which no attempt is slow.
    pub(crate) fn set_slow_margin(&self, slow_margin_ms: u32) {
        for method in &self.methods {
            method.slow_margin_us.store(in_micros(slow_margin_ms), Relaxed);
        }
    }

    /// The counts so far. Measures anew which attempts are slow.
    pub(crate) fn evidence(&self, rules: &[IgnoreRule], now: Timestamp) -> Evidence {
        let counts = self
            .methods
            .iter()
            .map(|method| (method.name, method.evidence(rules, now)));
        let counted = counts.filter(|(_, counts)| *counts != MethodEvidence::default());
        Evidence {
            entered: self.entered,
            build: self.build.clone(),
            methods: counted.map(|(name, counts)| (name.to_owned(), counts)).collect(),
            events_handled: 0,
            events_set_aside: 0,
        }
    }
}

fn in_micros(ms: u32) -> u64 {
    u64::from(ms) * 1_000
}

impl MethodTally {
    fn new(name: &'static str, frozen_p99_us: u64, slow_margin_ms: u32) -> Self {
        let tally = Self {
            name,
            local: SideTally::default(),
            candidate: SideTally::default(),
            frozen_p99_us,
            slow_margin_us: AtomicU64::new(in_micros(slow_margin_ms)),
            slow_from_us: AtomicU64::new(u64::MAX),
            fallbacks: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            findings: Mutex::default(),
            encoded: AtomicU64::new(0),
            encoding_failed: AtomicU64::new(0),
            noise: AtomicU64::new(0),
            unsettled: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            race_checks: AtomicU64::new(0),
            races: AtomicU64::new(0),
        };
        tally.measure();
        tally
    }

    /// Counts an attempt of a user's call.
    pub(crate) fn attempt(&self, attempt: &Attempt) {
        let is_failed = !is_answer(attempt.outcome) && !attempt.is_blameless;
        self.side(attempt.side)
            .count(is_failed, attempt.took, &self.slow_from_us);
        if attempt.is_fallback {
            self.fallbacks.fetch_add(1, Relaxed);
        }
    }

    /// Counts a repetition at the candidate.
    pub(crate) fn repetition(&self, outcome: Outcome, took: Duration) {
        self.repeated.fetch_add(1, Relaxed);
        self.candidate.count(!is_answer(outcome), took, &self.slow_from_us);
    }

    /// The comparisons. Locked for a moment, and never on the path of a call.
    pub(crate) fn findings(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn side(&self, side: Side) -> &SideTally {
        match side {
            Side::Local => &self.local,
            Side::Candidate => &self.candidate,
        }
    }

    /// Derives the limit of slow attempts from the local latency: of this stage after enough calls, else the frozen one.
    fn measure(&self) {
        let is_own = self.frozen_p99_us == 0 || self.local.calls.load(Relaxed) >= OWN_BASELINE_CALLS;
        let own = self.local.latency.p99_us().filter(|_| is_own);
        let frozen = (self.frozen_p99_us > 0).then_some(self.frozen_p99_us);
        if let Some(p99) = own.or(frozen) {
            let margin = self.slow_margin_us.load(Relaxed);
            let limit = p99.saturating_mul(SLOW_FACTOR).max(p99.saturating_add(margin));
            self.slow_from_us.store(limit, Relaxed);
        }
    }

    fn evidence(&self, rules: &[IgnoreRule], now: Timestamp) -> MethodEvidence {
        self.measure();
        let mut evidence = MethodEvidence {
            encoded: self.encoded.load(Relaxed),
            encoding_failed: self.encoding_failed.load(Relaxed),
            local: self.local.counts(),
            candidate: self.candidate.counts(),
            fallbacks: self.fallbacks.load(Relaxed),
            repeated: self.repeated.load(Relaxed),
            noise: self.noise.load(Relaxed),
            unsettled: self.unsettled.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            race_checks: self.race_checks.load(Relaxed),
            races: self.races.load(Relaxed),
            ..MethodEvidence::default()
        };
        self.findings().write(self.name, rules, now, &mut evidence);
        evidence
    }
}

impl SideTally {
    fn count(&self, is_failed: bool, took: Duration, slow_from_us: &AtomicU64) {
        let took = micros(took);
        self.calls.fetch_add(1, Relaxed);
        self.latency.record(took);
        if is_failed {
            self.failed.fetch_add(1, Relaxed);
        }
        if took > slow_from_us.load(Relaxed) {
            self.slow.fetch_add(1, Relaxed);
        }
    }

    fn counts(&self) -> SideCounts {
        SideCounts {
            calls: self.calls.load(Relaxed),
            failed: self.failed.load(Relaxed),
            slow: self.slow.load(Relaxed),
            p99_us: self.latency.p99_us().unwrap_or_default(),
        }
    }
}
