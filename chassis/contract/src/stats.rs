//! What a switch counts per method: calls, failures, and a latency histogram in powers of two.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets of the histogram: bucket `n` counts calls of less than `2^n` microseconds; the last counts all slower ones.
const BUCKETS: usize = 26;

/// The counts of one contract's methods, by the method's position in the trait.
#[derive(Debug)]
pub struct CallStats(Vec<Counters>);

#[derive(Debug, Default)]
struct Counters {
    failures: AtomicU64,
    latency: [AtomicU64; BUCKETS],
}

/// What was counted for one method since the process started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodCounts {
    /// Calls that ended.
    pub calls: u64,
    /// Those of them that ended in a `CallFailure`. The module's own error answers do not count.
    pub failures: u64,
    /// Calls per bucket: upper bound in microseconds (exclusive), count.
    pub latency: Vec<(u64, u64)>,
}

impl CallStats {
    pub(crate) fn new(methods: usize) -> Self {
        Self((0..methods).map(|_| Counters::default()).collect())
    }

    pub(crate) fn record(&self, method: usize, took: Duration, failed: bool) {
        let Some(counters) = self.0.get(method) else {
            return;
        };
        if failed {
            counters.failures.fetch_add(1, Relaxed);
        }
        let micros = took.as_secs().saturating_mul(1_000_000) + u64::from(took.subsec_micros());
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        counters.latency[bucket.min(BUCKETS - 1)].fetch_add(1, Relaxed);
    }

    /// The counts of the method at this position.
    #[must_use]
    pub fn counts(&self, method: usize) -> Option<MethodCounts> {
        let counters = self.0.get(method)?;
        let latency: Vec<_> = (0..BUCKETS)
            .map(|bucket| (1 << bucket, counters.latency[bucket].load(Relaxed)))
            .collect();
        Some(MethodCounts {
            calls: latency.iter().map(|(_, count)| count).sum(),
            failures: counters.failures.load(Relaxed),
            latency,
        })
    }
}
