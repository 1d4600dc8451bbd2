//! `offshoot replay`: buys the baskets of a real shop's invoices live, through the public API, then proves that nothing
//! was lost.
//!
//! Buyers see only HTTP. The proofs read the modules' contracts, and compare what one module says with the others.

// Buyers and their baskets.
mod baskets;
mod buyer;
mod http;
mod load;
// Proofs.
mod facts;
mod proofs;
// Report.
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use catalog_api::v1::CatalogApi;
use inventory_api::v1::InventoryApi;
use offshoot_import::{Progress, Reached, Source};
use orders_api::v1::OrdersApi;
use payments_api::v1::PaymentsApi;

pub use self::buyer::Outcome;
pub use self::load::Load;
pub use self::proofs::Proof;
pub use self::report::{Proofs, Report};

use self::baskets::Basket;
use self::facts::Facts;

/// Contracts for baskets and proofs.
#[derive(Clone)]
pub struct Modules {
    /// Products of the baskets.
    pub catalog: Arc<dyn CatalogApi>,
    /// Stock, movements and reservations.
    pub inventory: Arc<dyn InventoryApi>,
    /// Payments of every order.
    pub payments: Arc<dyn PaymentsApi>,
    /// Orders and revenue.
    pub orders: Arc<dyn OrdersApi>,
}

/// Options of a replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of buyers.
    pub concurrency: usize,
    /// Largest number of baskets.
    pub limit: usize,
    /// Seed for payment, cancellations and returns.
    pub seed: u64,
    /// Name of the run: repeating a name repeats its requests.
    pub run: String,
    /// Time limit for retries of a request, and for changes in flight to end.
    pub patience: Duration,
}

/// Buys all baskets, waits for changes in flight, and proves.
pub async fn buy_and_prove(
    modules: &Modules,
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
pub async fn prove(modules: &Modules, patience: Duration) -> Result<Vec<Proof>> {
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

/// Starts buyers that buy the baskets of `source` again and again until stopped.
pub async fn load(modules: &Modules, url: &str, source: &Source, options: &Options, pause: Duration) -> Result<Load> {
    let (baskets, _) = baskets::read(source, modules, options.limit).await?;
    ensure!(!baskets.is_empty(), "the catalog sells nothing of {}", source.name());
    Load::start(url, baskets, options, usize::MAX, pause)
}

/// The proofs, given the outcomes that buyers saw.
pub async fn prove_after(modules: &Modules, outcomes: &[Outcome], patience: Duration) -> Result<Vec<Proof>> {
    let facts = Facts::when_all_has_ended(modules, patience).await?;
    Ok(proofs::all(&facts, Some(outcomes)))
}
