//! Stock movements, sales and credit notes of the file, imported after the catalog has its products.
//!
//! - A line with a positive quantity and price, of an invoice with a plain number, belongs to the invoice's **sale**;
//!   if the line names a product, units were sold. A line of a `C` invoice belongs to a **credit note**; if the line
//!   names a product, units came back.
//! - A line of a product without a price moves only stock: a negative quantity was **written off**, a positive quantity
//!   was **given away** to the customer, or **found** if there is no customer.
//! - The file has no **opening stock**, so the importer invents it: twice the units that the file takes out, plus
//!   [`SPARE`]. The first half covers the history; the second half lets the same baskets be bought again.
//! - An invoice is sent whole, once, after its last line, with the time of its first. A movement is identified by
//!   invoice and position, the opening stock by file and SKU, so everything can be sent again.

// Meaning of one line.
mod entry;
// First pass: opening stock, and the end of each invoice.
mod survey;
// From file to batches, from batches to inventory and orders.
mod gathering;
mod sending;

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use catalog_api::ProductId;
use catalog_api::v1::{AddOutcome, CatalogApi, MAX_BULK_ITEMS};

use self::entry::Booking;
use self::gathering::Gathering;
use self::sending::Sending;
use super::{Modules, call};
use crate::BATCHES_AHEAD;
use crate::bad_rows::BadRows;
use crate::checkpoint::Checkpoint;
use crate::progress::Progress;
use crate::source::Source;

pub(super) use self::sending::Sent;
pub(super) use self::survey::Survey;

/// Extra units of each product, so that products without sales can be bought too.
const SPARE: i64 = 100;

/// Number of lines by entry.
#[derive(Debug, Default, Clone)]
pub(super) struct Booked {
    pub(super) lines: [u64; Booking::ALL.len()],
    pub(super) sales: u64,
    pub(super) credit_notes: u64,
}

impl Booked {
    /// Lines by entry: with and without an effect.
    pub(super) fn counts(&self) -> [Vec<(&'static str, u64)>; 2] {
        let (used, skipped) = Booking::ALL
            .into_iter()
            .partition::<Vec<_>, _>(|booking| booking.is_used());
        [used, skipped].map(|bookings| {
            let count = |booking: Booking| (booking.name(), self.lines[booking as usize]);
            bookings.into_iter().map(count).collect()
        })
    }
}

/// Imports stock movements, sales and credit notes of `source`. The catalog must have the products.
pub(super) async fn import(
    modules: &Modules,
    source: &Source,
    survey: Survey,
    fingerprint: &str,
    checkpoint: Option<Checkpoint>,
    progress: &mut dyn Progress,
) -> Result<(Booked, Sent)> {
    let ids = product_ids(&*modules.catalog, &survey).await?;
    let opening = survey.opening(&ids, fingerprint);

    let sent_before = checkpoint.as_ref().map_or(0, Checkpoint::line);
    let (batches, receiver) = mpsc::channel(BATCHES_AHEAD);
    let (read, ends) = (source.clone(), survey.invoice_ends);
    let reader = tokio::task::spawn_blocking(move || Gathering::read(&read, ids, ends, sent_before, &batches));
    let sending = Sending::new(modules, source.name(), checkpoint);
    let sent = sending.send_all(opening, receiver, progress).await?;
    let booked = reader.await.context("the reader of the file failed unexpectedly")??;
    Ok((booked, sent))
}

/// Ids of the file's products. Adding existing products again only looks them up.
async fn product_ids(catalog: &dyn CatalogApi, survey: &Survey) -> Result<HashMap<Box<[u8]>, ProductId>> {
    let mut ids = HashMap::with_capacity(survey.products.len());
    for products in survey.products.chunks(MAX_BULK_ITEMS) {
        let outcomes = catalog.add_many(&mut call(), products.to_vec()).await;
        let outcomes = outcomes.map_err(|error| {
            anyhow::anyhow!(
                "cannot look up the file's products in the catalog: {error}. Run the same command again to continue"
            )
        })?;
        for (product, outcome) in products.iter().zip(outcomes) {
            match outcome {
                AddOutcome::Added { id } | AddOutcome::Exists { id } => {
                    ids.insert(product.sku.as_bytes().into(), id);
                }
                // The earlier pass over the catalog has reported this product.
                AddOutcome::Rejected { .. } => {}
            }
        }
    }
    Ok(ids)
}

/// Rejected movements and sales: their numbers, and the first messages.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) movements: u64,
    pub(super) sales: u64,
    pub(super) shown: BadRows,
}
