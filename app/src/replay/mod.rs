//! `offshoot replay`: buys the baskets of a real shop's invoices live, through the public API, and then proves that
//! nothing was lost.
//!
//! Buyers see HTTP only. The proofs ask the modules' contracts, and compare what one module says with what another does.

// What is bought, and by whom.
mod baskets;
mod buyer;
mod http;
mod load;
// What must be true afterwards.
mod facts;
mod proofs;
// What became of it all.
mod report;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::import::{Progress, Reached, Source};
use crate::wiring::Wired;

pub(crate) use self::buyer::Outcome;
pub(crate) use self::load::Load;
pub use self::proofs::Proof;
pub use self::report::{Proofs, Report};

use self::baskets::Basket;
use self::facts::Facts;

/// How it is to be done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Buyers at once.
    pub concurrency: usize,
    /// Baskets at most.
    pub limit: usize,
    /// Decides who pays how, who cancels and who sends goods back.
    pub seed: u64,
    /// Sets this run's requests apart from those of others: the same run again repeats its requests.
    pub run: String,
    /// How long a buyer repeats a request that is not answered, and how long the store may take to bring what is under
    /// way to its end.
    pub patience: Duration,
}

/// Buys, waits until nothing is under way, and proves.
pub async fn run(
    modules: &Wired,
    url: &str,
    source: &Source,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let (baskets, skipped) = baskets::read(source, modules, options.limit).await?;
    ensure!(
        !baskets.is_empty(),
        "{} has no invoice whose goods the catalog sells",
        source.name()
    );
    progress.note(&format!(
        "run {}, seed {}: {} baskets at {url}",
        options.run,
        options.seed,
        baskets.len()
    ));
    let start = Instant::now();
    let (outcomes, repeats) = buy(url, baskets, &options, progress).await?;
    let bought = start.elapsed();
    progress.note("all buyers have ended; now the proofs");
    let proofs = prove_after(modules, &outcomes, options.patience).await?;
    Ok(Report::new(&options, skipped, (&outcomes, repeats), bought, proofs))
}

/// The proofs alone, over everything that the store holds.
pub async fn prove(modules: &Wired, patience: Duration) -> Result<Vec<Proof>> {
    let facts = Facts::when_all_has_ended(modules, patience).await?;
    Ok(proofs::all(&facts, None))
}

async fn buy(
    url: &str,
    baskets: Vec<Basket>,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(Vec<Outcome>, u64)> {
    let total = baskets.len() as u64;
    let mut outcomes = Vec::with_capacity(baskets.len());
    let mut load = Load::start(url, baskets, options, 1, Duration::ZERO)?;
    let mut look = tokio::time::interval(Duration::from_millis(500));
    loop {
        let done = load.done();
        tokio::select! {
            ended = load.next_ended() => match ended {
                None => return Ok((outcomes, load.repeats())),
                Some(of_one) => outcomes.extend(of_one?),
            },
            _ = look.tick() => progress.reached(Reached { line: done, bytes: done, bytes_total: total }),
        }
    }
}

/// Buyers of the baskets of `source`, who begin again and again until they are stopped.
pub(crate) async fn load(
    modules: &Wired,
    url: &str,
    source: &Source,
    options: &Options,
    pause: Duration,
) -> Result<Load> {
    let (baskets, _) = baskets::read(source, modules, options.limit).await?;
    ensure!(!baskets.is_empty(), "the catalog sells nothing of {}", source.name());
    Load::start(url, baskets, options, usize::MAX, pause)
}

/// The proofs, after buyers were told these outcomes.
pub(crate) async fn prove_after(modules: &Wired, outcomes: &[Outcome], patience: Duration) -> Result<Vec<Proof>> {
    let facts = Facts::when_all_has_ended(modules, patience).await?;
    Ok(proofs::all(&facts, Some(outcomes)))
}
