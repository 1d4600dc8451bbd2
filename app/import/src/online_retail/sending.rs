//! Sends batches to the catalog, one call after the other, and advances the checkpoint.

use std::sync::Arc;

use anyhow::{Error, Result, anyhow};
use tokio::sync::mpsc;

use catalog_api::v1::{AddOutcome, CatalogApi, CatalogError, MAX_BULK_ITEMS, NewProduct, PriceChange, PriceOutcome};

use super::batch::Batch;
use super::call;
use crate::bad_rows::BadRows;
use crate::checkpoint::Checkpoint;
use crate::progress::{Progress, Reached};

/// The catalog, with the counts of its responses.
pub(super) struct Sending {
    catalog: Arc<dyn CatalogApi>,
    source: String,
    checkpoint: Option<Checkpoint>,
    acknowledged: u64,
    sent: Sent,
}

/// Counts of the catalog's responses.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) products_added: u64,
    pub(super) products_existing: u64,
    pub(super) products_rejected: u64,
    pub(super) prices_recorded: u64,
    pub(super) prices_rejected: u64,
    pub(super) rejected: BadRows,
}

impl Sending {
    pub(super) fn new(catalog: Arc<dyn CatalogApi>, source: &str, checkpoint: Option<Checkpoint>) -> Self {
        Self {
            catalog,
            source: source.to_owned(),
            acknowledged: checkpoint.as_ref().map_or(0, Checkpoint::line),
            checkpoint,
            sent: Sent::default(),
        }
    }

    /// Sends until the reader has finished.
    pub(super) async fn send_all(
        mut self,
        mut batches: mpsc::Receiver<Batch>,
        progress: &mut dyn Progress,
    ) -> Result<Sent> {
        while let Some(batch) = batches.recv().await {
            let (line, (bytes, bytes_total)) = (batch.through_line, batch.bytes);
            self.send(batch).await.map_err(|error| self.how_to_go_on(&error))?;
            self.acknowledged = line;
            if let Some(checkpoint) = &mut self.checkpoint
                && let Err(error) = checkpoint.reached(line)
            {
                let path = checkpoint.path().display();
                progress.note(&format!("cannot write the checkpoint {path}: {error}. The import continues; a later run would send everything again"));
                self.checkpoint = None;
            }
            progress.reached(Reached {
                line,
                bytes,
                bytes_total,
            });
        }
        Ok(self.sent)
    }

    /// Sends products before prices, because a price needs its product.
    async fn send(&mut self, batch: Batch) -> Result<(), CatalogError> {
        let mut prices = Vec::new();
        for products in batch.products.chunks(MAX_BULK_ITEMS) {
            let outcomes = self.catalog.add_many(&mut call(), products.to_vec()).await?;
            for (product, outcome) in products.iter().zip(outcomes) {
                prices.extend(self.count_product(product, outcome));
            }
        }
        prices.extend(batch.prices);
        for prices in prices.chunks(MAX_BULK_ITEMS) {
            let outcomes = self.catalog.record_prices(&mut call(), prices.to_vec()).await?;
            for (price, outcome) in prices.iter().zip(outcomes) {
                self.count_price(price, outcome);
            }
        }
        Ok(())
    }

    /// Counts a response. An existing product may come from elsewhere, or from a shorter copy of the file; the first
    /// price in the file then becomes one more point of the history, so that every path ends with the same history.
    fn count_product(&mut self, product: &NewProduct, outcome: AddOutcome) -> Option<PriceChange> {
        match outcome {
            AddOutcome::Added { .. } => self.sent.products_added += 1,
            AddOutcome::Exists { .. } => {
                self.sent.products_existing += 1;
                return product.price_since.map(|since| PriceChange {
                    sku: product.sku.clone(),
                    price: product.price,
                    since,
                });
            }
            AddOutcome::Rejected { field, reason } => {
                self.sent.products_rejected += 1;
                self.sent
                    .rejected
                    .add(|| format!("product {}: {field}: {reason}", product.sku));
            }
        }
        None
    }

    fn count_price(&mut self, price: &PriceChange, outcome: PriceOutcome) {
        let reason = match outcome {
            PriceOutcome::Recorded => {
                self.sent.prices_recorded += 1;
                return;
            }
            PriceOutcome::UnknownSku => "its product was rejected".to_owned(),
            PriceOutcome::Rejected { field, reason } => format!("{field}: {reason}"),
        };
        self.sent.prices_rejected += 1;
        self.sent
            .rejected
            .add(|| format!("price of {} since {}: {reason}", price.sku, price.since));
    }

    /// The failure as an error; its causes are in the catalog's log.
    fn how_to_go_on(&self, error: &CatalogError) -> Error {
        let (source, line) = (&self.source, self.acknowledged);
        anyhow!(
            "cannot load the lines after line {line} of {source} into the catalog: {error}. \
             Everything up to that line is loaded: run the same command again to continue"
        )
    }
}
