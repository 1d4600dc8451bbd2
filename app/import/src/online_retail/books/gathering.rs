//! Second pass over the file: gathers lines into movements and whole invoices, and both into batches. Calls no module.

use std::collections::HashMap;

use anyhow::Result;
use tokio::sync::mpsc;

use catalog_api::ProductId;
use inventory_api::v1::{MAX_BULK_ITEMS, NewMovement};
use orders_api::v1::{Sale, SaleKind, SaleLine};

use super::super::line::Line;
use super::super::records::Records;
use super::Booked;
use super::entry::Booking;
use crate::source::{Position, Source};

/// Records sent together. The acknowledgement covers everything up to `through_line`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) movements: Vec<NewMovement>,
    pub(super) sales: Vec<Sale>,
    pub(super) through_line: u64,
    /// Bytes of the source read by then, and total bytes.
    pub(super) bytes: (u64, u64),
}

/// Movements per batch. A batch is sent in order of product, as the ledger is stored: the larger the batch, the fewer
/// pages each call changes.
const BATCH_MOVEMENTS: usize = 20 * MAX_BULK_ITEMS;

/// An invoice whose last line has not been read.
struct Open {
    sale: Option<Sale>,
    first_line: u64,
    /// Number of lines so far, of all kinds.
    lines: u32,
}

/// State of a reading.
pub(super) struct Gathering<'a> {
    batches: &'a mpsc::Sender<Batch>,
    ids: HashMap<Box<[u8]>, ProductId>,
    ends: HashMap<Box<[u8]>, u64>,
    open: HashMap<Box<[u8]>, Open>,
    /// Lines up to here were sent by an earlier run.
    sent_before: u64,
    position: Position,
    batch: Batch,
    booked: Booked,
    unwanted: bool,
}

impl<'a> Gathering<'a> {
    /// Reads the file to the end, or until the receiver is gone. Sends the complete records before an unreadable place.
    pub(super) fn read(
        source: &Source,
        ids: HashMap<Box<[u8]>, ProductId>,
        ends: HashMap<Box<[u8]>, u64>,
        sent_before: u64,
        batches: &'a mpsc::Sender<Batch>,
    ) -> Result<Booked> {
        let mut records = Records::open(source)?;
        let mut gathering = Self {
            batches,
            ids,
            ends,
            open: HashMap::new(),
            sent_before,
            position: records.position.clone(),
            batch: Batch::default(),
            booked: Booked::default(),
            unwanted: false,
        };
        let outcome = gathering.all(&mut records);
        gathering.send();
        outcome.map(|()| gathering.booked)
    }

    fn all(&mut self, records: &mut Records) -> Result<()> {
        while !self.unwanted {
            let Some((number, line)) = records.next()? else { break };
            match line {
                Ok(line) => self.line(&line, number),
                Err(_) => self.booked.lines[Booking::Malformed as usize] += 1,
            }
            self.batch.through_line = self.complete_through(number);
            if self.batch.movements.len() >= BATCH_MOVEMENTS {
                self.send();
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>, number: u64) {
        let product_id = self.ids.get(line.code).copied();
        let booking = Booking::classify(line, product_id.is_some());
        self.booked.lines[booking as usize] += 1;
        if !self.open.contains_key(line.invoice) {
            let open = Open {
                sale: None,
                first_line: number,
                lines: 0,
            };
            self.open.insert(line.invoice.into(), open);
        }
        if let Some(open) = self.open.get_mut(line.invoice) {
            open.lines += 1;
            if let (Some(product_id), Some((kind, change))) = (product_id, booking.movement(line.quantity))
                && number > self.sent_before
            {
                let note = match booking {
                    Booking::Sale | Booking::Credit => String::new(),
                    _ => text(line.description),
                };
                self.batch.movements.push(NewMovement {
                    product_id,
                    kind,
                    change,
                    reference: format!("{}/{}", String::from_utf8_lossy(line.invoice), open.lines),
                    note,
                    at: line.time,
                });
            }
            if let Some(kind) = kind_of(booking) {
                let sale = open.sale.get_or_insert_with(|| begin(kind, line));
                sale.lines.push(SaleLine {
                    product_id,
                    sku: text(line.code),
                    name: text(line.description),
                    quantity: line.quantity,
                    unit_price: line.price,
                });
            }
        }
        if self.ends.get(line.invoice) == Some(&number)
            && let Some(Open { sale: Some(sale), .. }) = self.open.remove(line.invoice)
        {
            match sale.kind {
                SaleKind::Sale => self.booked.sales += 1,
                SaleKind::CreditNote => self.booked.credit_notes += 1,
            }
            if number > self.sent_before {
                self.batch.sales.push(sale);
            }
        }
    }

    /// The last line before the first open invoice.
    fn complete_through(&self, number: u64) -> u64 {
        let first = self.open.values().map(|open| open.first_line).min();
        first.map_or(number, |first| first - 1)
    }

    fn send(&mut self) {
        if self.batch.through_line > self.sent_before {
            self.batch.bytes = (self.position.read(), self.position.total);
            self.unwanted |= self.batches.blocking_send(std::mem::take(&mut self.batch)).is_err();
        }
    }
}

fn kind_of(booking: Booking) -> Option<SaleKind> {
    match booking {
        Booking::Sale => Some(SaleKind::Sale),
        Booking::Credit => Some(SaleKind::CreditNote),
        _ => None,
    }
}

fn begin(kind: SaleKind, line: &Line<'_>) -> Sale {
    Sale {
        number: text(line.invoice),
        kind,
        customer: text(line.customer),
        country: text(line.country),
        at: line.time,
        lines: Vec::new(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
