//! The report of a demonstration, as text and as JSON.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use offshoot_replay::{Outcome, Proof, Proofs};

/// Name, begin and retries of a chapter, before the outcomes are known.
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) catalog: &'static str,
    pub(super) begin: Instant,
    pub(super) repeats: u64,
}

/// Figures of one chapter.
#[derive(Debug, Serialize)]
pub(super) struct Chapter {
    name: &'static str,
    /// Where the catalog runs: `here` in the first process, `there` in a second one, or `nowhere`.
    catalog: &'static str,
    baskets: usize,
    baskets_per_second: f64,
    checkout_ms_p50: f64,
    checkout_ms_p99: f64,
    /// Retried requests.
    repeats: u64,
}

/// All chapters, and the proofs.
#[derive(Debug, Serialize)]
pub struct Story {
    pub(super) chapters: Vec<Chapter>,
    pub(super) proofs: Vec<Proof>,
}

impl Story {
    /// Whether every proof holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.proofs.iter().all(Proof::holds)
    }
}

/// Figures of all chapters. A basket belongs to the chapter in which the basket ended.
pub(super) fn chapters(measured: &[Measured], end: Instant, outcomes: &[Outcome]) -> Vec<Chapter> {
    let ends = measured.iter().skip(1).map(|next| next.begin).chain([end]);
    let parts = measured.iter().zip(ends);
    parts
        .map(|(part, end)| {
            let within = outcomes.iter().filter(|it| it.at >= part.begin && it.at < end);
            let mut took: Vec<Duration> = within.map(|it| it.latency).collect();
            took.sort_unstable();
            let percentile = |percent: usize| {
                let place = took.len() * percent / 100;
                took.get(place).map_or(0.0, |took| took.as_secs_f64() * 1_000.0)
            };
            Chapter {
                name: part.name,
                catalog: part.catalog,
                baskets: took.len(),
                baskets_per_second: took.len() as f64 / (end - part.begin).as_secs_f64(),
                checkout_ms_p50: percentile(50),
                checkout_ms_p99: percentile(99),
                repeats: part.repeats,
            }
        })
        .collect()
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:38} {:>8} {:>9} {:>9} {:>9} {:>12}",
            "", "baskets", "a second", "p50, ms", "p99, ms", "retries"
        )?;
        for chapter in &self.chapters {
            writeln!(
                f,
                "{:38} {:>8} {:>9.0} {:>9.1} {:>9.1} {:>12}",
                chapter.name,
                chapter.baskets,
                chapter.baskets_per_second,
                chapter.checkout_ms_p50,
                chapter.checkout_ms_p99,
                chapter.repeats
            )?;
        }
        write!(f, "\n{}", Proofs(&self.proofs))
    }
}
