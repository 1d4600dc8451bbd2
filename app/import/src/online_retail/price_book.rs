//! Tracks the current price of each stock code through the sales, and the price changes of each minute.

use std::collections::HashMap;

use catalog_api::v1::{NewProduct, PriceChange};
use offshoot_contract::{Money, Timestamp};

use super::category;
use super::line::Line;
use super::verdict::Verdict;

/// Current price of every code. Grows with the assortment, not with the file.
#[derive(Debug, Default)]
pub(super) struct PriceBook {
    index_by_code: HashMap<Box<[u8]>, usize>,
    entries: Vec<Entry>,
    minute: Option<Timestamp>,
    /// Entries with a price in the current minute, in order.
    touched: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    sku: String,
    name: String,
    price: Money,
    /// Price before the current minute; `None` for a product that is new in this minute.
    before: Option<Money>,
    touched: bool,
}

/// Catalog changes of some minutes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) products: Vec<NewProduct>,
    pub(super) prices: Vec<PriceChange>,
}

impl PriceBook {
    /// Whether this sale belongs to a later minute. Then [`end_minute`](Self::end_minute) is due.
    pub(super) fn begins_a_minute(&self, sale: &Line<'_>) -> bool {
        self.minute.is_some_and(|minute| sale.time > minute)
    }

    /// Adds a sale of the current minute, or of a new minute after the last has ended.
    pub(super) fn sale(&mut self, sale: &Line<'_>) -> Verdict {
        if self.minute.is_some_and(|minute| sale.time < minute) {
            return Verdict::OutOfOrder;
        }
        self.minute = Some(sale.time);
        let Some(&index) = self.index_by_code.get(sale.code) else {
            self.begin(sale);
            return Verdict::AddsProduct;
        };
        let entry = &mut self.entries[index];
        if entry.price == sale.price {
            return Verdict::ConfirmsPrice;
        }
        entry.price = sale.price;
        if !entry.touched {
            entry.touched = true;
            self.touched.push(index);
        }
        Verdict::ChangesPrice
    }

    /// Ends the minute and returns its changes.
    pub(super) fn end_minute(&mut self) -> Changes {
        let mut changes = Changes::default();
        let Some(since) = self.minute else {
            return changes;
        };
        for index in self.touched.drain(..) {
            let entry = &mut self.entries[index];
            entry.touched = false;
            let (price, before) = (entry.price, entry.before.replace(entry.price));
            let sku = entry.sku.clone();
            match before {
                None => changes.products.push(NewProduct {
                    category: category::guess_category(&entry.name).to_owned(),
                    name: std::mem::take(&mut entry.name),
                    description: String::new(),
                    sku,
                    price,
                    price_since: Some(since),
                }),
                Some(before) if before != price => changes.prices.push(PriceChange { sku, price, since }),
                Some(_) => {}
            }
        }
        changes
    }

    fn begin(&mut self, sale: &Line<'_>) {
        let sku = String::from_utf8_lossy(sale.code).into_owned();
        let name = if sale.description.is_empty() {
            sku.clone()
        } else {
            String::from_utf8_lossy(sale.description).into_owned()
        };
        self.index_by_code.insert(sale.code.into(), self.entries.len());
        self.touched.push(self.entries.len());
        self.entries.push(Entry {
            sku,
            name,
            price: sale.price,
            before: None,
            touched: true,
        });
    }
}
