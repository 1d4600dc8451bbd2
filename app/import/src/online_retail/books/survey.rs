//! First pass over the file, before anything is recorded: totals by product and invoice, no lines.

use std::collections::HashMap;

use anyhow::Result;

use catalog_api::ProductId;
use catalog_api::v1::NewProduct;
use inventory_api::v1::{MAX_QUANTITY, MovementKind, NewMovement};
use offshoot_contract::Timestamp;

use super::super::price_book::PriceBook;
use super::super::records::Records;
use super::super::verdict::Verdict;
use super::SPARE;
use super::entry::Booking;
use crate::source::Source;

/// Totals of the whole file.
pub(in super::super) struct Survey {
    /// Products as added to the catalog.
    pub(super) products: Vec<NewProduct>,
    /// Last line of each invoice: lines of an invoice need not be adjacent.
    pub(super) invoice_ends: HashMap<Box<[u8]>, u64>,
    /// Units taken out of stock, by code.
    taken: HashMap<Box<[u8]>, i64>,
    first: Option<Timestamp>,
}

impl Survey {
    pub(in super::super) fn read(source: &Source) -> Result<Self> {
        let mut survey = Self {
            products: Vec::new(),
            invoice_ends: HashMap::new(),
            taken: HashMap::new(),
            first: None,
        };
        let mut book = PriceBook::default();
        let mut records = Records::open(source)?;
        while let Some((number, line)) = records.next()? {
            let Ok(line) = line else { continue };
            if Verdict::skipping(&line).is_none() {
                if book.begins_a_minute(&line) {
                    survey.products.extend(book.end_minute().products);
                }
                book.sale(&line);
            }
            survey.first.get_or_insert(line.time);
            match survey.invoice_ends.get_mut(line.invoice) {
                Some(end) => *end = number,
                None => drop(survey.invoice_ends.insert(line.invoice.into(), number)),
            }
            // Products are not known yet; codes without a product get no opening stock later.
            if let Some((_, change)) = Booking::classify(&line, true).movement(line.quantity)
                && change < 0
            {
                match survey.taken.get_mut(line.code) {
                    Some(units) => *units -= change,
                    None => drop(survey.taken.insert(line.code.into(), -change)),
                }
            }
        }
        survey.products.extend(book.end_minute().products);
        Ok(survey)
    }

    /// Opening stock of every product, split into movements of valid size.
    pub(super) fn opening(&self, ids: &HashMap<Box<[u8]>, ProductId>, fingerprint: &str) -> Vec<NewMovement> {
        let Some(at) = self.first else { return Vec::new() };
        let file = fingerprint.get(..12).unwrap_or(fingerprint);
        let mut opening = Vec::with_capacity(ids.len());
        for product in &self.products {
            let Some(&product_id) = ids.get(product.sku.as_bytes()) else {
                continue;
            };
            let mut units = 2 * self.taken.get(product.sku.as_bytes()).copied().unwrap_or(0) + SPARE;
            let mut part = 0;
            while units > 0 {
                let change = units.min(i64::from(MAX_QUANTITY));
                units -= change;
                let suffix = if part == 0 { String::new() } else { format!("/{part}") };
                part += 1;
                opening.push(NewMovement {
                    product_id,
                    kind: MovementKind::Received,
                    change,
                    reference: format!("opening/{file}/{}{suffix}", product.sku),
                    note: "opening stock, invented".to_owned(),
                    at,
                });
            }
        }
        opening
    }
}
