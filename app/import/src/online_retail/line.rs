//! Parses one data line.

use csv::ByteRecord;

use offshoot_contract::{Money, Timestamp};

use super::uk_time;

/// A data line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) invoice: &'a [u8],
    pub(super) code: &'a [u8],
    pub(super) description: &'a [u8],
    /// Never zero.
    pub(super) quantity: i64,
    pub(super) time: Timestamp,
    /// Price of one unit, in pounds.
    pub(super) price: Money,
    /// Customer id, without the `.0` that one copy of the file adds; empty if unknown.
    pub(super) customer: &'a [u8],
    pub(super) country: &'a [u8],
}

/// A field that cannot be parsed.
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

/// The columns of a line.
#[derive(Clone, Copy)]
enum Column {
    Invoice,
    Code,
    Description,
    Quantity,
    Time,
    Price,
    Customer,
    Country,
}

/// Column names, in the same order.
const NAMES: [&str; 8] = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
];

/// Parser of the lines of one file.
pub(super) struct LineParser {
    /// Index of each column in a record.
    places: [usize; NAMES.len()],
    /// Cache: hundreds of consecutive lines have the same time.
    last_time: Option<(Vec<u8>, Timestamp)>,
}

impl LineParser {
    /// Finds the columns by name. Fails with the first missing column.
    pub(super) fn new(header: &ByteRecord) -> Result<Self, &'static str> {
        let mut places = [0; NAMES.len()];
        for (place, column) in places.iter_mut().zip(NAMES) {
            let is_column = |name: &[u8]| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name) == column.as_bytes();
            *place = header.iter().position(is_column).ok_or(column)?;
        }
        Ok(Self {
            places,
            last_time: None,
        })
    }

    pub(super) fn parse<'a>(&mut self, record: &'a ByteRecord) -> Result<Line<'a>, BadField> {
        let field = |column: Column| record.get(self.places[column as usize]).unwrap_or_default();
        let bad = |column: Column, expected| BadField {
            column: NAMES[column as usize],
            value: String::from_utf8_lossy(field(column)).chars().take(80).collect(),
            expected,
        };
        let quantity = std::str::from_utf8(field(Column::Quantity))
            .ok()
            .and_then(|text| text.parse().ok());
        let price = std::str::from_utf8(field(Column::Price))
            .ok()
            .and_then(|text| Money::parse(text, Money::GBP).ok());
        let time = match &self.last_time {
            Some((text, time)) if text == field(Column::Time) => Some(*time),
            _ => uk_time::parse(field(Column::Time)),
        };
        let customer = field(Column::Customer).trim_ascii();
        let line = Line {
            invoice: field(Column::Invoice),
            code: field(Column::Code),
            description: field(Column::Description).trim_ascii(),
            quantity: quantity
                .filter(|&quantity| quantity != 0)
                .ok_or_else(|| bad(Column::Quantity, "a whole number other than 0"))?,
            time: time.ok_or_else(|| bad(Column::Time, "a time of the form 2010-12-01 08:26:00, from 1996 on"))?,
            customer: customer.strip_suffix(b".0").unwrap_or(customer),
            country: field(Column::Country).trim_ascii(),
            price: price.ok_or_else(|| bad(Column::Price, "a price with at most four decimals, such as 2.55"))?,
        };
        if self.last_time.as_ref().is_none_or(|(_, time)| *time != line.time) {
            self.last_time = Some((field(Column::Time).to_vec(), line.time));
        }
        Ok(line)
    }
}
