//! The report of a replay, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Options;
use super::baskets::Skipped;
use super::buyer::{Bought, Outcome};
use super::http::Requests;
use super::proofs::Proof;

/// Report of a replay.
#[derive(Debug, Serialize)]
pub struct Report {
    run: String,
    seed: u64,
    concurrency: usize,
    baskets: u64,
    skipped: Skipped,
    /// Orders by status, and refusals by code.
    outcomes: BTreeMap<String, u64>,
    duration_ms: u128,
    orders_per_second: f64,
    checkout_ms_p50: f64,
    checkout_ms_p99: f64,
    repeats: u64,
    /// Requests, each attempt counted by itself, and failures by kind.
    requests: Requests,
    /// The code of the problem by basket, for comparisons of two runs.
    refusals: BTreeMap<String, String>,
    proofs: Vec<Proof>,
}

impl Report {
    pub(super) fn new(
        options: &Options,
        skipped: Skipped,
        (outcomes, (repeats, requests)): (&[Outcome], (u64, Requests)),
        took: Duration,
        proofs: Vec<Proof>,
    ) -> Self {
        let mut by_name = BTreeMap::new();
        let mut latencies: Vec<Duration> = Vec::with_capacity(outcomes.len());
        let mut orders = 0_u64;
        let mut refusals = BTreeMap::new();
        for outcome in outcomes {
            let name = match &outcome.result {
                Bought::Order { status, .. } => {
                    orders += 1;
                    status.clone()
                }
                Bought::Refused { code, .. } => {
                    refusals.insert(outcome.invoice.clone(), code.clone());
                    code.clone()
                }
            };
            *by_name.entry(name).or_default() += 1;
            latencies.push(outcome.latency);
        }
        latencies.sort_unstable();
        Self {
            run: options.run.clone(),
            seed: options.seed,
            concurrency: options.concurrency,
            baskets: outcomes.len() as u64,
            skipped,
            outcomes: by_name,
            duration_ms: took.as_millis(),
            orders_per_second: orders as f64 / took.as_secs_f64().max(f64::EPSILON),
            checkout_ms_p50: percentile(&latencies, 50),
            checkout_ms_p99: percentile(&latencies, 99),
            repeats,
            requests,
            refusals,
            proofs,
        }
    }

    /// Whether every proof holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.proofs.iter().all(Proof::holds)
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, |took| took.as_secs_f64() * 1_000.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} baskets in {:.1} s by {} buyers: {:.0} orders a second, checkout p50 {:.1} ms, p99 {:.1} ms, {} retries",
            self.baskets,
            self.duration_ms as f64 / 1_000.0,
            self.concurrency,
            self.orders_per_second,
            self.checkout_ms_p50,
            self.checkout_ms_p99,
            self.repeats
        )?;
        for (name, count) in &self.outcomes {
            writeln!(f, "{count:>9}  {name}")?;
        }
        writeln!(
            f,
            "{:>9}  lines and {} invoices of the file skipped: the catalog does not sell them, or a cart is too small for them",
            self.skipped.lines, self.skipped.invoices
        )?;
        let failed = self.requests.failed.iter();
        let failed: Vec<_> = failed.map(|(kind, count)| format!("{count} {kind}")).collect();
        let failed = if failed.is_empty() {
            "none".to_owned()
        } else {
            failed.join(", ")
        };
        writeln!(f, "{:>9}  requests sent; failed: {failed}", self.requests.sent)?;
        write!(f, "{}", Proofs(&self.proofs))
    }
}

/// Proofs as text.
pub struct Proofs<'a>(pub &'a [Proof]);

impl fmt::Display for Proofs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, proof) in self.0.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            let verdict = if proof.holds() { "holds" } else { "FAILS" };
            write!(f, "{verdict}  {} ({} checked)", proof.claim, proof.checked)?;
            for example in &proof.examples {
                write!(f, "\n       {example}")?;
            }
            let hidden = proof.contradictions - proof.examples.len() as u64;
            if hidden > 0 {
                write!(f, "\n       and {hidden} more")?;
            }
        }
        Ok(())
    }
}
