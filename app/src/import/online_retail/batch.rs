//! Minutes of changes gathered into batches that fit one call, cut only between minutes.

use tokio::sync::mpsc;

use catalog_api::v1::{MAX_BULK_ITEMS, NewProduct, PriceChange};

use super::price_book::Changes;
use crate::import::source::Position;

/// What is sent together. Once it is acknowledged, everything up to `through_line` is in the store.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) products: Vec<NewProduct>,
    pub(super) prices: Vec<PriceChange>,
    pub(super) through_line: u64,
    /// Bytes of the source that had been read by then, and bytes that it has.
    pub(super) bytes: (u64, u64),
}

impl Batch {
    /// Whether it would take more calls with these changes than without. Then it is to be sent before them.
    fn has_no_room_for(&self, changes: &Changes) -> bool {
        let over = |have: usize, more: usize| have > 0 && have + more > MAX_BULK_ITEMS;
        over(self.products.len(), changes.products.len()) || over(self.prices.len(), changes.prices.len())
    }

    fn add(&mut self, changes: Changes) {
        self.products.extend(changes.products);
        self.prices.extend(changes.prices);
    }
}

/// Changes on their way into batches.
pub(super) struct Gathering<'a> {
    batches: &'a mpsc::Sender<Batch>,
    /// Nobody takes batches any more.
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

    /// Takes up a minute whose last line is `through_line`.
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

    /// Sends the complete minutes that no batch has taken. Those after the last change are worth a checkpoint too.
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
