//! One data line as values.

use csv::ByteRecord;

use offshoot_contract::{Money, Timestamp};

use super::uk_time;

/// What of a line matters here. Customer and country do not.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) invoice: &'a [u8],
    pub(super) code: &'a [u8],
    pub(super) description: &'a [u8],
    /// Never zero.
    pub(super) quantity: i64,
    pub(super) time: Timestamp,
    /// Of one unit, in pounds.
    pub(super) price: Money,
}

/// A field that cannot be read.
#[derive(Debug)]
pub(super) struct BadField {
    column: &'static str,
    value: String,
    expected: &'static str,
}

impl std::fmt::Display for BadField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}` is not {}", self.column, self.value, self.expected)
    }
}

const COLUMNS: [&str; 6] = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"];

/// Reads lines of one file.
pub(super) struct LineParser {
    /// Where each of [`COLUMNS`] is.
    places: [usize; COLUMNS.len()],
    /// Hundreds of lines in a row have the same time.
    last_time: Option<(Vec<u8>, Timestamp)>,
}

impl LineParser {
    /// Finds the columns by their names. The error is the first that is missing.
    pub(super) fn new(header: &ByteRecord) -> Result<Self, &'static str> {
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let is_column = |name: &[u8]| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name) == column.as_bytes();
            *place = header.iter().position(is_column).ok_or(column)?;
        }
        Ok(Self { places, last_time: None })
    }

    pub(super) fn parse<'a>(&mut self, record: &'a ByteRecord) -> Result<Line<'a>, BadField> {
        let field = |column: usize| record.get(self.places[column]).unwrap_or_default();
        let bad = |column: usize, expected| BadField {
            column: COLUMNS[column],
            value: String::from_utf8_lossy(field(column)).chars().take(80).collect(),
            expected,
        };
        let quantity = std::str::from_utf8(field(3)).ok().and_then(|text| text.parse().ok());
        let price = std::str::from_utf8(field(5)).ok().and_then(|text| Money::parse(text, Money::GBP).ok());
        let time = match &self.last_time {
            Some((text, time)) if text == field(4) => Some(*time),
            _ => uk_time::parse(field(4)),
        };
        let line = Line {
            invoice: field(0),
            code: field(1),
            description: field(2).trim_ascii(),
            quantity: quantity.filter(|&quantity| quantity != 0).ok_or_else(|| bad(3, "a whole number other than 0"))?,
            time: time.ok_or_else(|| bad(4, "a time of the form 2010-12-01 08:26:00, from 1996 on"))?,
            price: price.ok_or_else(|| bad(5, "a price with at most four decimals, such as 2.55"))?,
        };
        if self.last_time.as_ref().is_none_or(|(_, time)| *time != line.time) {
            self.last_time = Some((field(4).to_vec(), line.time));
        }
        Ok(line)
    }
}
