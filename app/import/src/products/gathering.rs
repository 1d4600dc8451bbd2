//! Gathers rows into batches that fit one call.

use std::fmt;

use anyhow::{Error, Result, anyhow, bail};
use tokio::sync::mpsc;

use catalog_api::v1::{MAX_BULK_ITEMS, NewProduct};

use super::Options;
use crate::bad_rows::BadRows;
use crate::source::Position;

/// Products sent together, with the place of each in the file.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) products: Vec<NewProduct>,
    pub(super) places: Vec<Place>,
    pub(super) rows_read: u64,
    /// Bytes of the source read by then, and total bytes.
    pub(super) bytes: (u64, u64),
}

/// Place of a row in the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Line(u64),
    Item(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Item(item) => write!(f, "item {item}"),
        }
    }
}

/// Counts over the whole file.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) rows: u64,
    pub(super) bad_rows: BadRows,
}

/// State of a reading.
pub(super) struct Gathering<'a> {
    pub(super) source: &'a str,
    pub(super) options: Options,
    pub(super) read: Read,
    /// The receiver of batches is gone.
    pub(super) unwanted: bool,
    batches: &'a mpsc::Sender<Batch>,
    batch: Batch,
    position: Position,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(source: &'a str, options: Options, batches: &'a mpsc::Sender<Batch>, position: Position) -> Self {
        Self {
            source,
            options,
            read: Read::default(),
            unwanted: false,
            batches,
            batch: Batch::default(),
            position,
        }
    }

    /// Adds one row. Fails on an invalid row if the import is strict.
    pub(super) fn take(&mut self, place: Place, product: Result<NewProduct, String>) -> Result<()> {
        self.read.rows += 1;
        match product {
            Ok(product) => {
                self.batch.products.push(product);
                self.batch.places.push(place);
            }
            Err(reason) if self.options.strict => bail!("{}, {place}: {reason}", self.source),
            Err(reason) => self.read.bad_rows.add(|| format!("{place}: {reason}")),
        }
        if self.batch.products.len() == MAX_BULK_ITEMS {
            self.send();
        }
        Ok(())
    }

    /// Sends the current batch.
    pub(super) fn send(&mut self) {
        if self.batch.products.is_empty() {
            return;
        }
        self.batch.rows_read = self.read.rows;
        self.batch.bytes = (self.position.read(), self.position.total);
        self.unwanted |= self.batches.blocking_send(std::mem::take(&mut self.batch)).is_err();
    }

    /// The error of a file that cannot be read further.
    pub(super) fn broken(&self, error: &dyn std::error::Error) -> Error {
        anyhow!(
            "{} cannot be read any further after {} rows: {error}. Earlier rows are imported: correct the file and run the \
             same command again",
            self.source,
            self.read.rows
        )
    }
}
