//! `offshoot replay`: buys the baskets of a real shop's invoices live, through the public API, then proves that nothing
//! was lost.
//!
//! Buyers see only HTTP. The proofs read through the modules' contracts and compare the data of one module with another's.

// Buyers and their baskets.
mod baskets;
mod buyer;
pub mod http;
mod load;
mod public_client;
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

pub use self::buyer::{LatestOrder, LinkedOrder, Outcome};
pub use self::http::Requests;
pub use self::load::Load;
pub use self::proofs::Proof;
pub use self::report::{Proofs, Report};

use self::baskets::Basket;
use self::facts::Facts;

/// Contracts that baskets and proofs read.
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
    /// Name of the run. A second run under the same name repeats the requests of the first.
    pub run: String,
    /// Time limit for the retries of a request, and for changes in flight to end.
    pub patience: Duration,
}

/// Buys all baskets, waits until no change is in flight, and checks the proofs.
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
        "the catalog sells no product of {}: import the file first with `offshoot import online-retail`",
        source.name()
    );
    progress.note(&format!(
        "run {}, seed {}: {} baskets at {url}",
        options.run,
        options.seed,
        baskets.len()
    ));
    let start = Instant::now();
    let (outcomes, requests) = buy(url, baskets, &options, progress).await?;
    let bought = start.elapsed();
    progress.note("all buyers have ended; checking the proofs");
    let proofs = prove_after(modules, &outcomes, options.patience).await?;
    Ok(Report::new(&options, skipped, (&outcomes, requests), bought, proofs))
}

/// Checks the proofs without buying, over all data of the store.
pub async fn prove(modules: &Modules, patience: Duration) -> Result<Vec<Proof>> {
    let facts = Facts::when_all_has_ended(modules, patience).await?;
    Ok(proofs::all(&facts, None))
}

async fn buy(
    url: &str,
    baskets: Vec<Basket>,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(Vec<Outcome>, (u64, Requests))> {
    let total = baskets.len() as u64;
    let mut outcomes = Vec::with_capacity(baskets.len());
    let mut load = Load::start(url, baskets, options, 1, Duration::ZERO)?;
    let mut look = tokio::time::interval(Duration::from_millis(500));
    loop {
        let done = load.done();
        tokio::select! {
            ended = load.next_ended() => match ended {
                None => return Ok((outcomes, (load.repeats(), load.requests()))),
                Some(of_one) => outcomes.extend(of_one?),
            },
            _ = look.tick() => progress.reached(Reached { line: done, bytes: done, bytes_total: total }),
        }
    }
}

/// Starts buyers that buy the baskets of `source` again and again until stopped.
pub async fn load(modules: &Modules, url: &str, source: &Source, options: &Options, pause: Duration) -> Result<Load> {
    let (baskets, _) = baskets::read(source, modules, options.limit).await?;
    ensure!(
        !baskets.is_empty(),
        "the catalog sells no product of {}: import the file first with `offshoot import online-retail`",
        source.name()
    );
    Load::start(url, baskets, options, usize::MAX, pause)
}

/// Checks the proofs, including those over the outcomes that buyers saw.
pub async fn prove_after(modules: &Modules, outcomes: &[Outcome], patience: Duration) -> Result<Vec<Proof>> {
    let facts = Facts::when_all_has_ended(modules, patience).await?;
    Ok(proofs::all(&facts, Some(outcomes)))
}
