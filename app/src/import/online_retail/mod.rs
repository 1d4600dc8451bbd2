//! Loads the store from *Online Retail*: two years of real invoice lines of a UK gift shop.
//!
//! First the catalog. The file has no list of products; it has what was sold, when, and at what price. From that:
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
//! Then goods and money: what was in stock, what was sold and came back ([`books`]).
//!
//! Every data line is counted, for either, under exactly one [`Verdict`](verdict::Verdict), and the counts add up.

// The lines of a file: their fields, their time, and whether a code names goods.
mod code;
mod line;
mod records;
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
// Goods and money.
mod books;
// What became of it all.
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::mpsc;

use catalog_api::v1::CatalogApi;
use inventory_api::v1::InventoryApi;
use offshoot_contract::CallContext;
use orders_api::v1::OrdersApi;

pub use self::report::Report;

use self::books::Survey;
use self::reading::Reading;
use self::records::Records;
use self::sending::Sending;
use self::verdict::Verdict;
use super::{BATCHES_AHEAD, Checkpoint, Progress, Source};

/// How long one call may take with its repeats. A call of 1,000 items takes milliseconds; a database may be busy.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What is loaded.
#[derive(Clone)]
pub struct Modules {
    /// Takes products and prices.
    pub catalog: Arc<dyn CatalogApi>,
    /// Takes movements of goods.
    pub inventory: Arc<dyn InventoryApi>,
    /// Takes sales and credit notes.
    pub orders: Arc<dyn OrdersApi>,
}

/// How an import is to be done.
#[derive(Debug, Default)]
pub struct Options {
    /// Stop at the first malformed line instead of counting it.
    pub strict: bool,
    /// For the catalog: send nothing up to here, and keep how far it comes. None: send everything.
    pub checkpoint: Option<Checkpoint>,
    /// The same for inventory and orders.
    pub books: Option<Checkpoint>,
}

/// Loads all of `source`. Can be broken off and repeated at any time.
pub async fn run(modules: &Modules, source: Source, options: Options, progress: &mut dyn Progress) -> Result<Report> {
    let start = Instant::now();
    let fingerprint = source.fingerprint()?;
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
    let surveyed = source.clone();
    let survey = tokio::task::spawn_blocking(move || Survey::of(&surveyed));
    let sending = Sending::new(Arc::clone(&modules.catalog), source.name(), options.checkpoint);
    let sent = sending.run(receiver, progress).await?;
    // The batches before a broken place have been sent by now.
    let read = reader.await.context("the reader of the file failed unexpectedly")??;
    let survey = survey.await.context("the reader of the file failed unexpectedly")??;
    progress.note("products and prices are loaded; now stock and sales");
    let (booked, books) = books::run(modules, &source, survey, &fingerprint, options.books, progress).await?;

    let report = Report::new(source.name(), (read, sent), (booked, books), start.elapsed());
    ensure!(
        report.adds_up(),
        "the counts of this import do not add up, which is a defect of the importer: {report:?}"
    );
    Ok(report)
}

/// A line that sold goods.
pub(crate) struct Sold<'a> {
    pub(crate) invoice: &'a [u8],
    pub(crate) code: &'a [u8],
    /// Above zero.
    pub(crate) quantity: i64,
    pub(crate) customer: &'a [u8],
    pub(crate) country: &'a [u8],
}

/// Reads every line of `source` that sold goods.
pub(crate) fn goods_sold(source: &Source, mut each: impl FnMut(Sold<'_>)) -> Result<()> {
    let mut records = Records::open(source)?;
    while let Some((_, line)) = records.next()? {
        if let Ok(line) = line
            && Verdict::skipping(&line).is_none()
        {
            each(Sold {
                invoice: line.invoice,
                code: line.code,
                quantity: line.quantity,
                customer: line.customer,
                country: line.country,
            });
        }
    }
    Ok(())
}

fn call() -> CallContext {
    CallContext::root("import").with_timeout(CALL_TIMEOUT)
}

#[cfg(test)]
mod tests;
