//! What the file says of goods and money, once the catalog has its products: stock movements, sales and credit notes.
//!
//! - An N line with a positive quantity and price is a line of its invoice's **sale**, and if it names a product, the
//!   goods were sold. A line of a `C` invoice is a line of a **credit note**, and if it names a product, the goods came
//!   back.
//! - An N line of a product without a price moves goods only: a negative quantity was **written off**, a positive one was
//!   **given away** to the customer, or **found** where there is none.
//! - The file has no **opening stock**, so one is invented: of each product twice the units that the file takes out, and
//!   [`SPARE`] more. Once for the history, and once so that the same baskets can be bought again.
//! - An invoice is sent whole, once, when its last line has passed; it is dated by its first. Each movement is known by
//!   its invoice and its place in it, the opening stock by the file and the SKU, so that any of it can be sent again.

// What one line means.
mod entry;
// The file read once before: what to open with, and where each invoice ends.
mod survey;
// File to batches, batches to inventory and orders.
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
use crate::import::{BATCHES_AHEAD, BadRows, Checkpoint, Progress, Source};

pub(super) use self::sending::Sent;
pub(super) use self::survey::Survey;

/// Units of each product beyond what the file takes out, so that one that it never sells can be bought too.
const SPARE: i64 = 100;

/// What the lines were booked as.
#[derive(Debug, Default, Clone)]
pub(super) struct Booked {
    pub(super) lines: [u64; Booking::ALL.len()],
    pub(super) sales: u64,
    pub(super) credit_notes: u64,
}

impl Booked {
    /// Lines by what they were booked as, those that move something, and those that do not.
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

/// Brings stock movements, sales and credit notes of `source`, whose products are in the catalog.
pub(super) async fn run(
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
    let sent = sending.run(opening, receiver, progress).await?;
    let booked = reader.await.context("the reader of the file failed unexpectedly")??;
    Ok((booked, sent))
}

/// The ids of the file's products, which are in the catalog by now: adding them again only asks.
async fn product_ids(catalog: &dyn CatalogApi, survey: &Survey) -> Result<HashMap<Box<[u8]>, ProductId>> {
    let mut ids = HashMap::with_capacity(survey.products.len());
    for products in survey.products.chunks(MAX_BULK_ITEMS) {
        let outcomes = catalog.add_many(&mut call(), products.to_vec()).await;
        let outcomes =
            outcomes.map_err(|error| anyhow::anyhow!("the catalog does not say which products it has: {error}"))?;
        for (product, outcome) in products.iter().zip(outcomes) {
            match outcome {
                AddOutcome::Added { id } | AddOutcome::Exists { id } => {
                    ids.insert(product.sku.as_bytes().into(), id);
                }
                // It was reported when it was to be added.
                AddOutcome::Rejected { .. } => {}
            }
        }
    }
    Ok(ids)
}

/// What was refused, in words.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) movements: u64,
    pub(super) sales: u64,
    pub(super) shown: BadRows,
}
