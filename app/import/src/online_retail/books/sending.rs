//! Sends batches to inventory and orders concurrently, and advances the checkpoint.

use std::sync::Arc;

use anyhow::{Error, Result, anyhow};
use tokio::sync::mpsc;

use inventory_api::v1::{InventoryApi, MAX_BULK_ITEMS, MovementOutcome, NewMovement};
use orders_api::v1::{MAX_SALE_LINES, MAX_SALES, OrdersApi, Sale, SaleOutcome};

use super::super::{Modules, call};
use super::Refused;
use super::gathering::Batch;
use crate::checkpoint::Checkpoint;
use crate::progress::{Progress, Reached};

/// Counts of the responses of inventory and orders.
#[derive(Debug, Default)]
pub(in super::super) struct Sent {
    pub(in super::super) opened: u64,
    pub(in super::super) movements_recorded: u64,
    pub(in super::super) movements_known: u64,
    pub(in super::super) sales_recorded: u64,
    pub(in super::super) sales_known: u64,
    pub(in super::super) refused: Refused,
}

/// Inventory and orders, with the counts of their responses.
pub(super) struct Sending {
    inventory: Arc<dyn InventoryApi>,
    orders: Arc<dyn OrdersApi>,
    source: String,
    checkpoint: Option<Checkpoint>,
    acknowledged: u64,
    sent: Sent,
}

impl Sending {
    pub(super) fn new(modules: &Modules, source: &str, checkpoint: Option<Checkpoint>) -> Self {
        Self {
            inventory: Arc::clone(&modules.inventory),
            orders: Arc::clone(&modules.orders),
            source: source.to_owned(),
            acknowledged: checkpoint.as_ref().map_or(0, Checkpoint::line),
            checkpoint,
            sent: Sent::default(),
        }
    }

    /// Records the opening stock, then sends until the reader has finished.
    pub(super) async fn send_all(
        mut self,
        opening: Vec<NewMovement>,
        mut batches: mpsc::Receiver<Batch>,
        progress: &mut dyn Progress,
    ) -> Result<Sent> {
        // Sent by every run: the checkpoint may belong to a store that has lost the opening stock.
        let outcomes = record(&*self.inventory, &opening)
            .await
            .map_err(|error| self.how_to_go_on(&error))?;
        for (movement, outcome) in opening.iter().zip(outcomes) {
            let before = self.sent.movements_recorded;
            self.count_movement(movement, outcome);
            self.sent.opened += self.sent.movements_recorded - before;
            self.sent.movements_recorded = before;
        }
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

    async fn send(&mut self, mut batch: Batch) -> Result<()> {
        batch.movements.sort_by_key(|movement| movement.product_id);
        let movements = record(&*self.inventory, &batch.movements);
        let sales = sell(&*self.orders, &batch.sales);
        let (movements, sales) = tokio::try_join!(movements, sales)?;
        for (movement, outcome) in batch.movements.iter().zip(movements) {
            self.count_movement(movement, outcome);
        }
        for (sale, outcome) in batch.sales.iter().zip(sales) {
            self.count_sale(sale, outcome);
        }
        Ok(())
    }

    fn count_movement(&mut self, movement: &NewMovement, outcome: MovementOutcome) {
        let reason = match outcome {
            MovementOutcome::Recorded => {
                self.sent.movements_recorded += 1;
                return;
            }
            MovementOutcome::Known => {
                self.sent.movements_known += 1;
                return;
            }
            MovementOutcome::Differs => "is recorded with another product, kind or number of units".to_owned(),
            MovementOutcome::Insufficient { available } => {
                format!(
                    "takes {} units, and only {available} are available",
                    movement.change.unsigned_abs()
                )
            }
            MovementOutcome::Rejected { field, reason } => format!("{field}: {reason}"),
        };
        self.sent.refused.movements += 1;
        self.sent
            .refused
            .shown
            .add(|| format!("movement {}: {reason}", movement.reference));
    }

    fn count_sale(&mut self, sale: &Sale, outcome: SaleOutcome) {
        let reason = match outcome {
            SaleOutcome::Recorded { .. } => {
                self.sent.sales_recorded += 1;
                return;
            }
            SaleOutcome::Known { .. } => {
                self.sent.sales_known += 1;
                return;
            }
            SaleOutcome::Differs { id } => format!("is recorded with another total, as {id}"),
            SaleOutcome::Rejected { field, reason } => format!("{field}: {reason}"),
        };
        self.sent.refused.sales += 1;
        self.sent
            .refused
            .shown
            .add(|| format!("invoice {}: {reason}", sale.number));
    }

    /// The failure as an error; its causes are in the module's log.
    fn how_to_go_on(&self, error: &Error) -> Error {
        let (source, line) = (&self.source, self.acknowledged);
        anyhow!(
            "{error}, after line {line} of {source}. \
             Everything up to that line is loaded: run the same command again to continue"
        )
    }
}

async fn record(inventory: &dyn InventoryApi, movements: &[NewMovement]) -> Result<Vec<MovementOutcome>> {
    let mut outcomes = Vec::with_capacity(movements.len());
    for movements in movements.chunks(MAX_BULK_ITEMS) {
        let answer = inventory.record_many(&mut call(), movements.to_vec()).await;
        outcomes.extend(answer.map_err(|error| anyhow!("cannot record movements in the inventory: {error}"))?);
    }
    Ok(outcomes)
}

async fn sell(orders: &dyn OrdersApi, sales: &[Sale]) -> Result<Vec<SaleOutcome>> {
    let mut outcomes = Vec::with_capacity(sales.len());
    let mut rest = sales;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(fitting(rest));
        let answer = orders.record_sales(&mut call(), now.to_vec()).await;
        outcomes.extend(answer.map_err(|error| anyhow!("cannot record sales in the orders: {error}"))?);
        rest = later;
    }
    Ok(outcomes)
}

/// Number of sales that fit one call; at least one, which the orders reject if it is too large.
fn fitting(sales: &[Sale]) -> usize {
    let mut lines = 0;
    let fits = |sale: &&Sale| {
        lines += sale.lines.len();
        lines <= MAX_SALE_LINES
    };
    sales.iter().take(MAX_SALES).take_while(fits).count().max(1)
}
