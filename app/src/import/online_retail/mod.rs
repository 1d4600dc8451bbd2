//! Loads the catalog from *Online Retail*: two years of real invoice lines of a UK gift shop.
//!
//! The file has no list of products; it has what was sold, when, and at what price. From that:
//!
//! - A **product** is a stock code, taken exactly as it is written, that names goods ([`code`]) and was sold at a price
//!   at least once. Its name is the description of that first sale, or the code if that is blank. Its category is
//!   guessed from the name ([`category`]).
//! - A **sale** is a line of an invoice whose number does not start with `C` (cancellation) or `A` (bad debt), with a
//!   positive quantity and a positive price.
//! - The first sale sets the price; each later sale at another price changes it. Invoices have whole minutes: of several
//!   prices in one minute the last holds, and a minute that ends with the price it began with changes nothing.
//! - Times are UK local time and become UTC ([`uk_time`]). Sales come in order of time; one that goes back is skipped,
//!   because nobody can say which price it changed.
//!
//! Every data line is counted under exactly one [`Verdict`](verdict::Verdict), and the counts add up.

// One line: its fields, its time, and whether its code names goods.
mod code;
mod line;
mod uk_time;
// What a line means, and what the lines of one minute change.
mod price_book;
mod verdict;
// What a product's name says about its category.
mod category;
// File to batches, batches to the catalog.
mod batch;
mod reading;
mod sending;
// What became of it all.
mod report;

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tokio::sync::mpsc;

use catalog_api::v1::CatalogApi;

pub use self::report::Report;

use self::reading::Reading;
use self::sending::Sending;
use super::{BATCHES_AHEAD, Checkpoint, Progress, Source};

/// How an import is to be done.
#[derive(Debug, Default)]
pub struct Options {
    /// Stop at the first malformed line instead of counting it.
    pub strict: bool,
    /// Send nothing up to here, and keep how far it comes. None: send everything.
    pub checkpoint: Option<Checkpoint>,
}

/// Loads every product of `source` with its price history. Can be broken off and repeated at any time.
pub async fn run(
    catalog: Arc<dyn CatalogApi>,
    source: Source,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let start = Instant::now();
    let sent_before = options.checkpoint.as_ref().map_or(0, Checkpoint::line);
    if sent_before > 0 {
        progress.note(&format!("{}: going on after line {sent_before}", source.name()));
    }

    let (batches, receiver) = mpsc::channel(BATCHES_AHEAD);
    let reading = Reading {
        source: source.clone(),
        strict: options.strict,
        sent_before,
    };
    let reader = tokio::task::spawn_blocking(move || reading.run(&batches));
    let sending = Sending::new(catalog, source.name(), options.checkpoint);
    let sent = sending.run(receiver, progress).await?;
    // The batches before a broken place have been sent by now.
    let read = reader.await.context("the reader of the file failed unexpectedly")??;

    let report = Report::new(source.name(), read, sent, start.elapsed());
    ensure!(
        report.adds_up(),
        "the counts of this import do not add up, which is a defect of the importer: {report:?}"
    );
    Ok(report)
}

#[cfg(test)]
mod tests;
