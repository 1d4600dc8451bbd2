//! The report of an import, as text and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::books::{Booked, Sent as BooksSent};
use super::reading::Read;
use super::sending::Sent;
use super::verdict::{Counts, Verdict};
use crate::bad_rows::BadRows;

/// Report of an import.
#[derive(Debug, Serialize)]
pub struct Report {
    source: String,
    lines: u64,
    used: Counts,
    skipped: Counts,
    products: Products,
    price_points: PricePoints,
    booked: BookedLines,
    stock: Stock,
    sales: Sales,
    malformed: BadRows,
    rejected: BadRows,
    refused: BadRows,
    duration_ms: u128,
    #[serde(skip)]
    added_by_lines: u64,
}

/// Products of the file; each is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Products {
    /// New in the catalog.
    pub added: u64,
    /// Present before; unchanged except for their price history.
    pub existing: u64,
    /// Rejected by the catalog.
    pub rejected: u64,
    /// Acknowledged in an earlier run and not sent again.
    pub sent_before: u64,
}

/// Price changes, by minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PricePoints {
    /// In the history, from this run or an earlier one.
    pub recorded: u64,
    /// Rejected by the catalog.
    pub rejected: u64,
    /// Acknowledged in an earlier run and not sent again.
    pub sent_before: u64,
}

/// Lines by their effect on stock and money.
#[derive(Debug, Serialize)]
struct BookedLines {
    used: Counts,
    skipped: Counts,
}

/// Stock movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stock {
    /// Opening movements of products, recorded by this run.
    pub opened: u64,
    /// Recorded by this run.
    pub recorded: u64,
    /// Present before, opening movements included.
    pub known: u64,
    /// Rejected by the inventory.
    pub refused: u64,
}

/// Sales and credit notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sales {
    /// Invoices in the file.
    pub invoices: u64,
    /// Credit notes in the file.
    pub credit_notes: u64,
    /// Sales and credit notes recorded by this run.
    pub recorded: u64,
    /// Sales and credit notes present before.
    pub known: u64,
    /// Sales and credit notes rejected by the orders.
    pub refused: u64,
}

impl Report {
    pub(super) fn new(
        source: &str,
        (read, sent): (Read, Sent),
        (booked, books): (Booked, BooksSent),
        took: Duration,
    ) -> Self {
        let [used, skipped] = booked.counts().map(Counts);
        Self {
            source: source.to_owned(),
            lines: read.lines,
            used: read.tally.used(),
            skipped: read.tally.skipped(),
            products: Products {
                added: sent.products_added,
                existing: sent.products_existing,
                rejected: sent.products_rejected,
                sent_before: read.products_before,
            },
            price_points: PricePoints {
                recorded: sent.prices_recorded,
                rejected: sent.prices_rejected,
                sent_before: read.prices_before,
            },
            booked: BookedLines { used, skipped },
            stock: Stock {
                opened: books.opened,
                recorded: books.movements_recorded,
                known: books.movements_known,
                refused: books.refused.movements,
            },
            sales: Sales {
                invoices: booked.sales,
                credit_notes: booked.credit_notes,
                recorded: books.sales_recorded,
                known: books.sales_known,
                refused: books.refused.sales,
            },
            malformed: read.bad_rows,
            rejected: sent.rejected,
            refused: books.refused.shown,
            duration_ms: took.as_millis(),
            added_by_lines: read.tally.lines_with(Verdict::AddsProduct),
        }
    }

    /// Data lines of the source.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Counts of products.
    #[must_use]
    pub fn products(&self) -> Products {
        self.products
    }

    /// Counts of price changes.
    #[must_use]
    pub fn price_points(&self) -> PricePoints {
        self.price_points
    }

    /// Counts of stock movements.
    #[must_use]
    pub fn stock(&self) -> Stock {
        self.stock
    }

    /// Counts of invoices.
    #[must_use]
    pub fn sales(&self) -> Sales {
        self.sales
    }

    /// Whether every line was counted once, and every line with a new product added one.
    pub(super) fn adds_up(&self) -> bool {
        let Products {
            added,
            existing,
            rejected,
            sent_before,
        } = self.products;
        self.used.sum() + self.skipped.sum() == self.lines
            && self.booked.used.sum() + self.booked.skipped.sum() == self.lines
            && added + existing + rejected + sent_before == self.added_by_lines
    }

    fn summary(&self) -> &'static str {
        let (products, prices) = (self.products, self.price_points);
        let sent = products.added
            + products.existing
            + products.rejected
            + prices.recorded
            + prices.rejected
            + self.stock.recorded
            + self.sales.recorded;
        if sent == 0 && self.added_by_lines > 0 {
            "Nothing has changed: an earlier run has loaded the whole file."
        } else if products.added == 0 && products.existing > 0 {
            "No product was new. Prices recorded earlier are unchanged."
        } else if products.sent_before + prices.sent_before > 0 {
            "Done. An earlier run has loaded the rest."
        } else {
            "Done."
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} data lines in {:.1} s",
            self.source,
            self.lines,
            self.duration_ms as f64 / 1_000.0
        )?;
        let for_goods = [("goods", &self.booked.used), ("no goods", &self.booked.skipped)];
        for (title, counts) in [("used", &self.used), ("skipped", &self.skipped)]
            .into_iter()
            .chain(for_goods)
        {
            writeln!(f, "{title:9} {:>9}", counts.sum())?;
            for (name, count) in &counts.0 {
                writeln!(f, "          {count:>9}  {}", name.replace('_', " "))?;
            }
        }
        let (products, prices) = (self.products, self.price_points);
        writeln!(
            f,
            "products  {:>9} added, {} existing, {} rejected, {} by an earlier run",
            products.added, products.existing, products.rejected, products.sent_before
        )?;
        writeln!(
            f,
            "prices    {:>9} recorded, {} rejected, {} by an earlier run",
            prices.recorded, prices.rejected, prices.sent_before
        )?;
        let (stock, sales) = (self.stock, self.sales);
        writeln!(
            f,
            "stock     {:>9} opened, {} movements recorded, {} known, {} refused",
            stock.opened, stock.recorded, stock.known, stock.refused
        )?;
        writeln!(
            f,
            "sales     {:>9} invoices and {} credit notes: {} recorded, {} known, {} refused",
            sales.invoices, sales.credit_notes, sales.recorded, sales.known, sales.refused
        )?;
        write!(f, "{}{}{}", self.malformed, self.rejected, self.refused)?;
        write!(f, "{}", self.summary())
    }
}
