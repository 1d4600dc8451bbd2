//! The report of a product import, as text and as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::gathering::Read;
use crate::bad_rows::BadRows;

/// Report of a product import. Every row is added, existing or bad.
#[derive(Debug, Serialize)]
pub struct Report {
    source: String,
    /// Rows or items of the source.
    pub rows: u64,
    /// New in the catalog.
    pub added: u64,
    /// Present before; unchanged.
    pub existing: u64,
    /// Rejected, by the importer or by the catalog.
    pub bad_rows: BadRows,
    duration_ms: u128,
}

impl Report {
    pub(super) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            rows: 0,
            added: 0,
            existing: 0,
            bad_rows: BadRows::default(),
            duration_ms: 0,
        }
    }

    pub(super) fn finish(&mut self, read: Read, took: Duration) {
        self.rows = read.rows;
        self.bad_rows.append(read.bad_rows);
        self.duration_ms = took.as_millis();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} rows in {:.1} s",
            self.source,
            self.rows,
            self.duration_ms as f64 / 1_000.0
        )?;
        writeln!(
            f,
            "products  {:>9} added, {} existing, {} bad",
            self.added, self.existing, self.bad_rows.count
        )?;
        write!(f, "{}", self.bad_rows)?;
        match (self.added, self.existing) {
            (0, 0) => write!(f, "Nothing has changed: no row is valid."),
            (0, _) => write!(f, "Nothing has changed: the catalog has these products already."),
            _ => write!(f, "Done."),
        }
    }
}
