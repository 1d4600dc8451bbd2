//! Reads the rows of a CSV file that has column names in the first line.

use anyhow::{Result, anyhow};
use csv::StringRecord;

use super::Reader;
use super::gathering::{Gathering, Place};
use super::row;
use crate::record_limit::RecordLimit;

pub(super) fn read(reader: Reader, rows: &mut Gathering<'_>) -> Result<()> {
    let (reader, record_end) = RecordLimit::new(reader);
    let mut csv = csv::Reader::from_reader(reader);
    let header = csv.headers().map_err(|error| rows.broken(&error))?;
    let names: Vec<&str> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim())
        .collect();
    let places = rows
        .options
        .columns
        .all_places(&names)
        .map_err(|missing| anyhow!("{}: {missing}", rows.source))?;

    let mut record = StringRecord::new();
    while !rows.unwanted {
        let more = csv.read_record(&mut record);
        record_end.reached();
        let product = match &more {
            Ok(false) => break,
            Ok(true) => row::product(|field| record.get(places.get(field)?), &rows.options),
            Err(error) => match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    Err(format!("{len} fields instead of {expected_len}"))
                }
                csv::ErrorKind::Utf8 { err, .. } => Err(format!("field {} is not UTF-8", err.field() + 1)),
                _ => return Err(rows.broken(error)),
            },
        };
        let line = record.position().map_or(0, csv::Position::line);
        rows.take(Place::Line(line), product)?;
    }
    Ok(())
}
