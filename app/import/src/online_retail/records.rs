//! Reads the data lines of a file in order. Knows the fields of a line, but not their meaning.

use std::io::{BufRead, ErrorKind};

use anyhow::{Error, Result, anyhow};
use csv::ByteRecord;

use super::line::{Line, LineParser};
use crate::record_limit::{RecordEnd, RecordLimit};
use crate::source::{Opened, Position, Source};

/// The CSV reader over any source.
type Csv = csv::Reader<RecordLimit<Box<dyn BufRead + Send>>>;

/// An open file.
pub(super) struct Records {
    name: String,
    csv: Csv,
    record_end: RecordEnd,
    parser: LineParser,
    record: ByteRecord,
    /// Number of the last line read.
    line: u64,
    pub(super) position: Position,
}

impl Records {
    /// Opens a source and finds its columns.
    pub(super) fn open(source: &Source) -> Result<Self> {
        let Opened { reader, position } = source.open()?;
        let (reader, record_end) = RecordLimit::new(reader);
        let mut csv = csv::Reader::from_reader(reader);
        let name = source.name().to_owned();
        let header = csv.byte_headers().map_err(|error| broken(&name, &error, 1))?;
        let parser = LineParser::new(header).map_err(|missing| {
            let columns: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
            anyhow!(
                "{name} has no column `{missing}`; its columns are: {}",
                columns.join(", ")
            )
        })?;
        Ok(Self {
            name,
            csv,
            record_end,
            parser,
            record: ByteRecord::new(),
            line: 1,
            position,
        })
    }

    /// The next data line with its number, or the error of that line; `None` at the end. Fails if nothing further can
    /// be read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Result<Line<'_>, String>)>> {
        let read = self.csv.read_byte_record(&mut self.record);
        let malformed = match read {
            Ok(false) => return Ok(None),
            Ok(true) => None,
            Err(error) => Some(self.malformed(&error)?),
        };
        self.line = self.record.position().map_or(self.line, csv::Position::line);
        self.record_end.reached();
        let line = match malformed {
            Some(reason) => Err(reason),
            None => self
                .parser
                .parse(&self.record)
                .map_err(|bad_field| bad_field.to_string()),
        };
        Ok(Some((self.line, line)))
    }

    /// The error of one record, if later records can still be read.
    fn malformed(&self, error: &csv::Error) -> Result<String> {
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                Ok(format!("{len} fields instead of {expected_len}"))
            }
            _ => Err(broken(&self.name, error, self.line)),
        }
    }
}

fn broken(name: &str, error: &csv::Error, line: u64) -> Error {
    let truncated = matches!(error.kind(), csv::ErrorKind::Io(io) if io.kind() == ErrorKind::UnexpectedEof);
    let problem = if truncated {
        "ends in the middle of its compressed data".to_owned()
    } else {
        format!("cannot be read any further: {error}")
    };
    anyhow!(
        "{name} {problem}, after line {line}. Earlier lines are loaded: get the whole file and run the same command again"
    )
}
