//! Reads the file from the beginning and cuts its changes to the catalog into batches. Calls no module.

use anyhow::{Result, bail};
use tokio::sync::mpsc;

use super::batch::{Batch, Gathering};
use super::line::Line;
use super::price_book::PriceBook;
use super::records::Records;
use super::verdict::{Tally, Verdict};
use crate::bad_rows::BadRows;
use crate::source::Source;

/// Options of one reading.
pub(super) struct Reading {
    pub(super) source: Source,
    pub(super) strict: bool,
    /// Lines up to here were sent by an earlier run. They are read again, because later lines depend on them.
    pub(super) sent_before: u64,
}

/// Counts over the whole file.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lines: u64,
    pub(super) tally: Tally,
    pub(super) bad_rows: BadRows,
    /// Products and price points that an earlier run sent.
    pub(super) products_before: u64,
    pub(super) prices_before: u64,
}

impl Reading {
    /// Reads to the end, to the first unreadable place, or until the receiver is gone. Complete minutes before an
    /// unreadable place are still sent.
    pub(super) fn read_to_end(self, batches: &mpsc::Sender<Batch>) -> Result<Read> {
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

/// State of a reading.
struct Lines<'a> {
    reading: &'a Reading,
    book: PriceBook,
    gathering: Gathering<'a>,
    read: Read,
    /// Number of the last line read.
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
            bail!("{message}. Earlier lines are loaded: correct this line, or run the same command without --strict");
        }
        self.read.bad_rows.add(|| message);
        Ok(())
    }

    fn count(&mut self, verdict: Verdict) {
        self.read.lines += 1;
        self.read.tally.count(verdict);
    }

    /// Ends the last minute at the end of the file.
    fn end(&mut self) {
        self.gathering.minute(self.book.end_minute(), self.line);
        self.read.products_before = self.gathering.products_before;
        self.read.prices_before = self.gathering.prices_before;
    }
}
