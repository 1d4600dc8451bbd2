//! Imports *Online Retail*: two years of real invoice lines of a UK gift shop.
//!
//! The catalog comes first. The file lists sales with times and prices, and no products; the importer derives them:
//!
//! - A **product** is a stock code, exactly as written, that names a physical product ([`code`]) and was sold at a
//!   price at least once. The name is the description of that first sale, or the code if the description is blank. The
//!   category is guessed from the name ([`category`]).
//! - A **sale** is a line with a positive quantity and a positive price, of an invoice whose number does not start with
//!   `C` (cancellation) or `A` (bad debt).
//! - The first sale sets the price; each later sale at another price changes the price. Invoices have whole minutes: of
//!   several prices in one minute the last holds, and a minute that ends at its initial price changes nothing.
//! - UK local times become UTC ([`uk_time`]). Sales must come in order of time; an earlier sale is skipped, because the
//!   price before that sale is unknown.
//!
//! Stock and money follow ([`books`]).
//!
//! Every data line is counted, for each part, under exactly one [`Verdict`](verdict::Verdict), and the counts add up.

// Lines of a file: fields, times, stock codes.
mod code;
mod line;
mod records;
mod uk_time;
// Meaning of a line, and changes of one minute.
mod price_book;
mod verdict;
// Category by name.
mod category;
// From file to batches, from batches to the catalog.
mod batch;
mod reading;
mod sending;
// Stock and money.
mod books;
// Report.
mod report;

use std::sync::Arc;
use std::time::Instant;

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
use super::{BATCHES_AHEAD, CALL_TIMEOUT};
use crate::checkpoint::Checkpoint;
use crate::progress::Progress;
use crate::source::Source;

/// The modules that the import fills.
#[derive(Clone)]
pub struct Modules {
    /// Receives products and prices.
    pub catalog: Arc<dyn CatalogApi>,
    /// Receives stock movements.
    pub inventory: Arc<dyn InventoryApi>,
    /// Receives sales and credit notes.
    pub orders: Arc<dyn OrdersApi>,
}

/// Options of an import.
#[derive(Debug, Default)]
pub struct Options {
    /// Stop at the first malformed line instead of counting malformed lines.
    pub strict: bool,
    /// Checkpoint of the catalog: lines up to the checkpoint are not sent again. `None`: send everything.
    pub checkpoint: Option<Checkpoint>,
    /// Checkpoint of inventory and orders.
    pub books: Option<Checkpoint>,
}

/// Imports all of `source`. A caller may interrupt and repeat an import at any time.
pub async fn import(
    modules: &Modules,
    source: Source,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let start = Instant::now();
    let fingerprint = source.fingerprint()?;
    let sent_before = options.checkpoint.as_ref().map_or(0, Checkpoint::line);
    if sent_before > 0 {
        progress.note(&format!("{}: resuming after line {sent_before}", source.name()));
    }

    let (batches, receiver) = mpsc::channel(BATCHES_AHEAD);
    let reading = Reading {
        source: source.clone(),
        strict: options.strict,
        sent_before,
    };
    let reader = tokio::task::spawn_blocking(move || reading.read_to_end(&batches));
    let surveyed = source.clone();
    let survey = tokio::task::spawn_blocking(move || Survey::read(&surveyed));
    let sending = Sending::new(Arc::clone(&modules.catalog), source.name(), options.checkpoint);
    let sent = sending.send_all(receiver, progress).await?;
    // Batches before an unreadable place have been sent by now.
    let read = reader.await.context("the reader of the file failed unexpectedly")??;
    let survey = survey.await.context("the reader of the file failed unexpectedly")??;
    progress.note("products and prices are loaded; loading stock and sales");
    let (booked, books) = books::import(modules, &source, survey, &fingerprint, options.books, progress).await?;

    let report = Report::new(source.name(), (read, sent), (booked, books), start.elapsed());
    ensure!(
        report.adds_up(),
        "the counts of this import do not add up, which is a defect of the importer: {report:?}"
    );
    Ok(report)
}

/// A line of an invoice that sold a product. The fields are as in the file.
pub struct SoldLine<'a> {
    /// Number of the invoice.
    pub invoice: &'a [u8],
    /// Stock code.
    pub code: &'a [u8],
    /// Units, above zero.
    pub quantity: i64,
    /// Customer id; empty if unknown.
    pub customer: &'a [u8],
    /// Country of the customer.
    pub country: &'a [u8],
}

/// Calls `each` with every line of `source` that sold a product.
pub fn for_each_sold_line(source: &Source, mut each: impl FnMut(SoldLine<'_>)) -> Result<()> {
    let mut records = Records::open(source)?;
    while let Some((_, line)) = records.next()? {
        if let Ok(line) = line
            && Verdict::skipping(&line).is_none()
        {
            each(SoldLine {
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
