//! Reads the file from its beginning and cuts what it changes into batches. Knows no catalog.

use std::io::{BufRead, ErrorKind};

use anyhow::{Error, Result, anyhow, bail};
use csv::ByteRecord;
use tokio::sync::mpsc;

use super::batch::{Batch, Gathering};
use super::line::LineParser;
use super::price_book::PriceBook;
use super::verdict::{Tally, Verdict};
use crate::import::record_limit::{RecordEnd, RecordLimit};
use crate::import::source::Opened;
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

/// The CSV reader over any source.
type Csv = csv::Reader<RecordLimit<Box<dyn BufRead + Send>>>;

impl Reading {
    /// Reads to the end, to the first broken place, or until nobody takes the batches any more. What was complete
    /// before a broken place is still sent.
    pub(super) fn run(self, batches: &mpsc::Sender<Batch>) -> Result<Read> {
        let Opened { reader, position } = self.source.open()?;
        let (reader, record_end) = RecordLimit::new(reader);
        let mut csv = csv::Reader::from_reader(reader);
        let parser = self.parser(&mut csv)?;
        let mut lines = Lines {
            reading: &self,
            parser,
            book: PriceBook::default(),
            gathering: Gathering::new(batches, self.sent_before, position),
            read: Read::default(),
            line: 1,
        };
        let outcome = lines.all(&mut csv, &record_end);
        if outcome.is_ok() {
            lines.end();
        }
        lines.gathering.send_rest();
        outcome.map(|()| lines.read)
    }

    fn parser(&self, csv: &mut Csv) -> Result<LineParser> {
        let header = csv.byte_headers().map_err(|error| self.broken(&error, 1))?;
        LineParser::new(header).map_err(|missing| {
            let columns: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
            anyhow!(
                "{} has no column `{missing}`; its columns are: {}",
                self.source.name(),
                columns.join(", ")
            )
        })
    }

    /// What is wrong with one record, where the next can be read all the same.
    fn malformed_record(&self, error: &csv::Error, line: u64) -> Result<String> {
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                Ok(format!("{len} fields instead of {expected_len}"))
            }
            _ => Err(self.broken(error, line)),
        }
    }

    fn broken(&self, error: &csv::Error, line: u64) -> Error {
        let name = self.source.name();
        let truncated = matches!(error.kind(), csv::ErrorKind::Io(io) if io.kind() == ErrorKind::UnexpectedEof);
        let what = if truncated {
            "ends in the middle of its compressed data".to_owned()
        } else {
            format!("cannot be read any further: {error}")
        };
        anyhow!(
            "{name} {what}, after line {line}. Nothing before it is lost: get the whole file and run the same command again"
        )
    }
}

/// The reading under way.
struct Lines<'a> {
    reading: &'a Reading,
    parser: LineParser,
    book: PriceBook,
    gathering: Gathering<'a>,
    read: Read,
    /// The last line that was read.
    line: u64,
}

impl Lines<'_> {
    fn all(&mut self, csv: &mut Csv, record_end: &RecordEnd) -> Result<()> {
        let mut record = ByteRecord::new();
        while !self.gathering.unwanted {
            match csv.read_byte_record(&mut record) {
                Ok(false) => break,
                Ok(true) => self.record(&record)?,
                Err(error) => {
                    let reason = self.reading.malformed_record(&error, self.line)?;
                    self.line = record.position().map_or(self.line, csv::Position::line);
                    self.malformed(&reason)?;
                }
            }
            record_end.reached();
        }
        Ok(())
    }

    fn record(&mut self, record: &ByteRecord) -> Result<()> {
        let before = self.line;
        self.line = record.position().map_or(before, csv::Position::line);
        let line = match self.parser.parse(record) {
            Ok(line) => line,
            Err(bad_field) => return self.malformed(&bad_field.to_string()),
        };
        let verdict = Verdict::skipping(&line).unwrap_or_else(|| {
            if self.book.begins_a_minute(&line) {
                self.gathering.minute(self.book.end_minute(), before);
            }
            self.book.sale(&line)
        });
        self.count(verdict);
        Ok(())
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
