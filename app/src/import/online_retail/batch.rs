//! Minutes of changes gathered into batches that fit one call, cut only between minutes.

use catalog_api::v1::{MAX_BULK_ITEMS, NewProduct, PriceChange};

use super::price_book::Changes;

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
    pub(super) fn has_no_room_for(&self, changes: &Changes) -> bool {
        let over = |have: usize, more: usize| have > 0 && have + more > MAX_BULK_ITEMS;
        over(self.products.len(), changes.products.len()) || over(self.prices.len(), changes.prices.len())
    }

    pub(super) fn add(&mut self, changes: Changes) {
        self.products.extend(changes.products);
        self.prices.extend(changes.prices);
    }
}
