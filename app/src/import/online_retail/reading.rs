//! Reads the file from its beginning and cuts what it changes into batches. Knows no catalog.

use anyhow::{Result, bail};
use tokio::sync::mpsc;

use super::batch::{Batch, Gathering};
use super::line::Line;
use super::price_book::PriceBook;
use super::records::Records;
use super::verdict::{Tally, Verdict};
use crate::import::{BadRows, Source};

/// One reading of a file.
pub(super) struct Reading {
    pub(super) source: Source,
    pub(super) strict: bool,
    /// An earlier run has brought everything up to this line. It is read, because later lines depend on it, not sent.
    pub(super) sent_before: u64,
}

/// What a whole file was found to be.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lines: u64,
    pub(super) tally: Tally,
    pub(super) bad_rows: BadRows,
    /// Products and price points that the earlier run has brought.
    pub(super) products_before: u64,
    pub(super) prices_before: u64,
}

impl Reading {
    /// Reads to the end, to the first broken place, or until nobody takes the batches any more. What was complete
    /// before a broken place is still sent.
    pub(super) fn run(self, batches: &mpsc::Sender<Batch>) -> Result<Read> {
        let mut records = Records::open(&self.source)?;
        let mut lines = Lines {
            reading: &self,
            book: PriceBook::default(),
            gathering: Gathering::new(batches, self.sent_before, records.position.clone()),
            read: Read::default(),
            line: 1,
        };
        let outcome = lines.all(&mut records);
        if outcome.is_ok() {
            lines.end();
        }
        lines.gathering.send_rest();
        outcome.map(|()| lines.read)
    }
}

/// The reading under way.
struct Lines<'a> {
    reading: &'a Reading,
    book: PriceBook,
    gathering: Gathering<'a>,
    read: Read,
    /// The last line that was read.
    line: u64,
}

impl Lines<'_> {
    fn all(&mut self, records: &mut Records) -> Result<()> {
        while !self.gathering.unwanted {
            let Some((number, line)) = records.next()? else {
                break;
            };
            let before = std::mem::replace(&mut self.line, number);
            match line {
                Ok(line) => self.record(&line, before),
                Err(reason) => self.malformed(&reason)?,
            }
        }
        Ok(())
    }

    fn record(&mut self, line: &Line<'_>, before: u64) {
        let verdict = Verdict::skipping(line).unwrap_or_else(|| {
            if self.book.begins_a_minute(line) {
                self.gathering.minute(self.book.end_minute(), before);
            }
            self.book.sale(line)
        });
        self.count(verdict);
    }

    fn malformed(&mut self, reason: &str) -> Result<()> {
        self.count(Verdict::Malformed);
        let message = format!("{}, line {}: {reason}", self.reading.source.name(), self.line);
        if self.reading.strict {
            bail!("{message}. Nothing before it is lost: correct it, or run the same command without --strict");
        }
        self.read.bad_rows.add(|| message);
        Ok(())
    }

    fn count(&mut self, verdict: Verdict) {
        self.read.lines += 1;
        self.read.tally.count(verdict);
    }

    /// The last minute is over with the file.
    fn end(&mut self) {
        self.gathering.minute(self.book.end_minute(), self.line);
        self.read.products_before = self.gathering.products_before;
        self.read.prices_before = self.gathering.prices_before;
    }
}
