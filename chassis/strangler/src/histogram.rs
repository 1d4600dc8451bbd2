//! Histogram of latencies: eight buckets per octave, so that a latency is known within 12.5 %. Buckets by powers of two could
//! not show a latency that doubles.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets per octave, as a power of two.
const BITS: u32 = 3;
const PER_OCTAVE: usize = 1 << BITS;
/// Octaves: up to 2^28 microseconds, more than four minutes. Slower calls share the last bucket.
const OCTAVES: usize = 28;
const BUCKETS: usize = (OCTAVES - BITS as usize + 1) * PER_OCTAVE;

/// Latencies of one side of one method. Recording takes one atomic addition.
#[derive(Debug)]
pub(crate) struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Histogram {
    pub(crate) fn record(&self, micros: u64) {
        self.0[bucket(micros)].fetch_add(1, Relaxed);
    }

    /// 99th percentile in microseconds: the largest latency of the bucket. `None` without a call.
    pub(crate) fn p99_us(&self) -> Option<u64> {
        let counts: Vec<u64> = self.0.iter().map(|count| count.load(Relaxed)).collect();
        let calls: u64 = counts.iter().sum();
        // The smallest number of calls that is at least 99 % of all.
        let rank = calls - calls / 100;
        let mut below = 0;
        let found = counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        found.filter(|_| calls > 0).map(largest)
    }
}

/// Whole microseconds of a duration.
pub(crate) fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn bucket(micros: u64) -> usize {
    let Some(octave) = micros.checked_ilog2().filter(|octave| *octave >= BITS) else {
        // Below eight microseconds each microsecond has a bucket.
        return usize::try_from(micros).unwrap_or_default();
    };
    let within = usize::try_from((micros >> (octave - BITS)) & (PER_OCTAVE as u64 - 1)).unwrap_or_default();
    let bucket = (octave - BITS + 1) as usize * PER_OCTAVE + within;
    bucket.min(BUCKETS - 1)
}

/// The largest latency in a bucket, in microseconds.
fn largest(bucket: usize) -> u64 {
    let (row, within) = (bucket / PER_OCTAVE, (bucket % PER_OCTAVE) as u64);
    match row {
        0 => within,
        row => ((PER_OCTAVE as u64 + within + 1) << (row - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram, bucket, largest};

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut expected = 0;
        for micros in 0..1_u64 << 20 {
            let found = bucket(micros);
            assert!(found == expected || found == expected + 1, "{micros}");
            expected = found;
            assert!(largest(found) >= micros && bucket(largest(found)) == found, "{micros}");
            assert!(largest(found) - micros <= micros / 8, "{micros} is known within 12.5 %");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_percentile_is_that_of_the_slowest_call_in_a_hundred() {
        let latencies = Histogram::default();
        assert_eq!(latencies.p99_us(), None);
        for _ in 0..99 {
            latencies.record(100);
        }
        assert_eq!(latencies.p99_us(), Some(103));
        latencies.record(1_000_000);
        assert_eq!(latencies.p99_us(), Some(103));
        latencies.record(1_000_000);
        assert!(latencies.p99_us() > Some(1_000_000));
    }
}
