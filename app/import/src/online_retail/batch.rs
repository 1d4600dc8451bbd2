//! Batches of changes: whole minutes, as many as fit one call.

use tokio::sync::mpsc;

use catalog_api::v1::{MAX_BULK_ITEMS, NewProduct, PriceChange};

use super::price_book::Changes;
use crate::source::Position;

/// Changes sent together. The acknowledgement covers everything up to `through_line`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) products: Vec<NewProduct>,
    pub(super) prices: Vec<PriceChange>,
    pub(super) through_line: u64,
    /// Bytes of the source read by then, and total bytes.
    pub(super) bytes: (u64, u64),
}

impl Batch {
    /// Whether adding these changes would need another call. If so, the batch is sent first.
    fn has_no_room_for(&self, changes: &Changes) -> bool {
        let over = |have: usize, more: usize| have > 0 && have + more > MAX_BULK_ITEMS;
        over(self.products.len(), changes.products.len()) || over(self.prices.len(), changes.prices.len())
    }

    fn add(&mut self, changes: Changes) {
        self.products.extend(changes.products);
        self.prices.extend(changes.prices);
    }
}

/// Changes not sent yet.
pub(super) struct Gathering<'a> {
    batches: &'a mpsc::Sender<Batch>,
    /// The receiver of batches is gone.
    pub(super) unwanted: bool,
    sent_before: u64,
    position: Position,
    batch: Batch,
    pub(super) products_before: u64,
    pub(super) prices_before: u64,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(batches: &'a mpsc::Sender<Batch>, sent_before: u64, position: Position) -> Self {
        Self {
            batches,
            unwanted: false,
            sent_before,
            position,
            batch: Batch::default(),
            products_before: 0,
            prices_before: 0,
        }
    }

    /// Adds a minute that ends at `through_line`.
    pub(super) fn minute(&mut self, changes: Changes, through_line: u64) {
        if through_line <= self.sent_before {
            self.products_before += changes.products.len() as u64;
            self.prices_before += changes.prices.len() as u64;
            return;
        }
        if self.batch.has_no_room_for(&changes) {
            self.send();
        }
        self.batch.add(changes);
        self.batch.through_line = through_line;
    }

    /// Sends the remaining complete minutes. Lines after the last change count for the checkpoint too.
    pub(super) fn send_rest(&mut self) {
        if self.batch.through_line > self.sent_before {
            self.send();
        }
    }

    fn send(&mut self) {
        self.batch.bytes = (self.position.read(), self.position.total);
        self.unwanted |= self.batches.blocking_send(std::mem::take(&mut self.batch)).is_err();
    }
}
