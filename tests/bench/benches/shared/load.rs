//! Closed-loop load generator: each caller sends the next call after the previous response.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use crate::rounds::Spread;

/// A caller that runs concurrently with other callers.
pub(crate) trait Caller: Send + 'static {
    /// Makes the `n`th call of this caller. Panics on an invalid response.
    fn call(&mut self, n: usize) -> impl Future<Output = ()> + Send;
}

/// The rate and latency quantiles of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Runs all callers concurrently for `time` and measures the calls.
pub(crate) async fn measure(callers: Vec<impl Caller>, time: Duration) -> Load {
    let start = Instant::now();
    let tasks: Vec<_> = callers
        .into_iter()
        .map(|caller| tokio::spawn(keep_calling(caller, start + time)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("no caller panics"));
    }
    let elapsed = start.elapsed();
    latencies.sort_unstable();
    Load {
        per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        p50: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
    }
}

async fn keep_calling(mut caller: impl Caller, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut sent = Instant::now();
    while sent < end {
        caller.call(latencies.len()).await;
        let answered = Instant::now();
        latencies.push(answered - sent);
        sent = answered;
    }
    latencies
}

/// The loads of several rounds. `Display` prints the medians.
pub(crate) struct Rounds<'a>(pub(crate) &'a [Load]);

impl Rounds<'_> {
    /// Calls per second, round by round.
    pub(crate) fn rates(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|load| load.per_second)
    }
}

impl fmt::Display for Rounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |quantile: fn(&Load) -> Duration| {
            Spread::from_values(self.0.iter().map(|load| quantile(load).as_secs_f64() * 1e3)).median
        };
        let rate = Spread::from_values(self.rates()).median;
        write!(
            f,
            "{rate:6.0}/s p50 {:.3} ms p99 {:.3} ms",
            millis(|load| load.p50),
            millis(|load| load.p99)
        )
    }
}
