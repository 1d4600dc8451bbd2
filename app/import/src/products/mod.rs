//! Adds products from any CSV file with a header line, JSON array of objects, or JSON lines.
//!
//! Each product needs a SKU, a name and a price. A product with an existing SKU is counted and left unchanged. Text is
//! trimmed; a category becomes lower-case words joined by hyphens. Invalid rows are reported by line (CSV) or item
//! (JSON), and the others are imported.

// Mapping of columns to fields.
mod columns;
// One row as a product.
mod row;
// File formats.
mod csv_rows;
mod json_rows;
// From rows to batches.
mod gathering;
mod report;

use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::mpsc;

use catalog_api::v1::{AddOutcome, CatalogApi};
use offshoot_contract::{CallContext, Currency};

pub use self::columns::{ColumnChoice, Columns};
pub use self::report::Report;

use self::gathering::{Batch, Gathering, Read};
use super::source::Opened;
use super::{BATCHES_AHEAD, CALL_TIMEOUT};
use crate::progress::{Progress, Reached};
use crate::source::Source;

/// Options of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// Explicit mapping of columns to fields, for columns with other names.
    pub columns: Columns,
    /// Category of products without one.
    pub category: String,
    /// Currency of prices without one.
    pub currency: Currency,
    /// Every currency that the store sells in. Nobody could buy at a price in another one.
    pub currencies: Vec<Currency>,
    /// Stop at the first invalid row.
    pub strict: bool,
}

/// Adds the products of `source` that the catalog lacks.
pub async fn import(
    catalog: Arc<dyn CatalogApi>,
    source: Source,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Report> {
    let start = Instant::now();
    let (batches, mut receiver) = mpsc::channel(BATCHES_AHEAD);
    let mut report = Report::new(source.name());
    let strict = options.strict;
    let name = source.name().to_owned();
    let reader = tokio::task::spawn_blocking(move || read(&source, options, &batches));
    while let Some(batch) = receiver.recv().await {
        let reached = Reached {
            line: batch.rows_read,
            bytes: batch.bytes.0,
            bytes_total: batch.bytes.1,
        };
        let sent = send(&*catalog, batch, strict, &mut report).await;
        sent.map_err(|error| {
            anyhow!(
                "the import of {name} stopped: {error}. Earlier rows are imported: run the same command again to continue"
            )
        })?;
        progress.reached(reached);
    }
    let read = reader.await.context("the reader of the file failed unexpectedly")??;
    report.finish(read, start.elapsed());
    Ok(report)
}

fn read(source: &Source, options: Options, batches: &mpsc::Sender<Batch>) -> Result<Read> {
    let Opened { mut reader, position } = source.open()?;
    let start = reader
        .fill_buf()
        .with_context(|| format!("cannot read {}", source.name()))?;
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let is_json = matches!(text.first(), Some(b'[' | b'{'));
    let mut gathering = Gathering::new(source.name(), options, batches, position);
    let outcome = if is_json {
        json_rows::read(reader, &mut gathering)
    } else {
        csv_rows::read(reader, &mut gathering)
    };
    // Rows before an unreadable place are sent all the same.
    gathering.send();
    outcome.map(|()| gathering.read)
}

async fn send(catalog: &dyn CatalogApi, batch: Batch, strict: bool, report: &mut Report) -> Result<()> {
    let cx = &mut CallContext::root("import").with_timeout(CALL_TIMEOUT);
    let outcomes = catalog.add_many(cx, batch.products).await?;
    for (place, outcome) in batch.places.iter().zip(outcomes) {
        match outcome {
            AddOutcome::Added { .. } => report.added += 1,
            AddOutcome::Exists { .. } => report.existing += 1,
            AddOutcome::Rejected { field, reason } => {
                let message = format!("{place}: {field}: {reason}");
                if strict {
                    bail!("{message}");
                }
                report.bad_rows.add(|| message);
            }
        }
    }
    Ok(())
}

/// The decompressed bytes of a source.
type Reader = Box<dyn BufRead + Send>;

#[cfg(test)]
mod tests;
