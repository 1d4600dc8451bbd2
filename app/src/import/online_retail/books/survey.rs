//! The file read once before it is booked. Keeps what the assortment and the invoices come to, not the lines.

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
use crate::import::Source;

/// What the whole file says.
pub(in super::super) struct Survey {
    /// As they were added to the catalog.
    pub(super) products: Vec<NewProduct>,
    /// The last line of each invoice: their lines need not stand together.
    pub(super) invoice_ends: HashMap<Box<[u8]>, u64>,
    /// Units taken out of stock, by code.
    taken: HashMap<Box<[u8]>, i64>,
    first: Option<Timestamp>,
}

impl Survey {
    pub(in super::super) fn of(source: &Source) -> Result<Self> {
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
            // Whether a code will be a product is not known yet; those that will not are not opened with anything.
            if let Some((_, change)) = Booking::of(&line, true).movement(line.quantity)
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

    /// The opening stock of every product, in movements that are not too large for one.
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
