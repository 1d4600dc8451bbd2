//! Reads the items of a JSON array of objects, or of JSON lines, one at a time.

use std::fmt;

use anyhow::{Error, Result, anyhow};
use serde::de::{self, Deserializer as _, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Value};

use catalog_api::v1::NewProduct;

use super::Reader;
use super::columns::{Field, Places};
use super::gathering::{Gathering, Place};
use super::row;
use crate::record_limit::{RecordEnd, RecordLimit};

pub(super) fn read(mut reader: Reader, rows: &mut Gathering<'_>) -> Result<()> {
    skip_byte_order_mark(&mut reader);
    let is_array = reader
        .fill_buf()
        .is_ok_and(|start| start.trim_ascii_start().starts_with(b"["));
    let (reader, record_end) = RecordLimit::new(reader);
    let mut json = Deserializer::from_reader(reader);
    let mut items = Items {
        rows,
        record_end,
        failure: None,
        count: 0,
    };
    let outcome = if is_array {
        json.deserialize_seq(&mut items).and_then(|()| json.end())
    } else {
        let mut lines = json.into_iter::<Value>();
        lines.try_for_each(|item| items.take(&item?))
    };
    match (items.failure, outcome) {
        (Some(failure), _) => Err(failure),
        (None, Err(_)) if items.rows.unwanted => Ok(()),
        (None, outcome) => outcome.map_err(|error| items.rows.broken(&error)),
    }
}

fn skip_byte_order_mark(reader: &mut Reader) {
    if reader.fill_buf().is_ok_and(|start| start.starts_with(b"\xef\xbb\xbf")) {
        reader.consume(3);
    }
}

struct Items<'a, 'b> {
    rows: &'a mut Gathering<'b>,
    record_end: RecordEnd,
    /// Why reading ends early, if not because of a JSON error.
    failure: Option<Error>,
    count: u64,
}

impl Items<'_, '_> {
    /// Adds one item. An error ends the reading; the text of the error is never shown.
    fn take(&mut self, item: &Value) -> serde_json::Result<()> {
        self.record_end.reached();
        self.count += 1;
        let product = self.product(item);
        self.failure = product
            .and_then(|product| self.rows.take(Place::Item(self.count), product))
            .err();
        if self.failure.is_some() || self.rows.unwanted {
            return Err(de::Error::custom("no further item is wanted"));
        }
        Ok(())
    }

    /// Converts an item. The outer error concerns the file, the inner error the item.
    fn product(&self, item: &Value) -> Result<Result<NewProduct, String>> {
        let Value::Object(item) = item else {
            return Ok(Err(format!("is {}, not an object", kind(item))));
        };
        let names: Vec<&String> = item.keys().collect();
        let columns = &self.rows.options.columns;
        // Later items may lack fields.
        let places = match self.count {
            1 => columns
                .all_places(&names)
                .map_err(|missing| anyhow!("{}: {missing}", self.rows.source))?,
            _ => columns.places(&names),
        };
        Ok(Texts::from_item(item, places).and_then(|texts| row::product(|field| texts.get(field), &self.rows.options)))
    }
}

/// Fields of one item as text.
struct Texts([Option<String>; Field::ALL.len()]);

impl Texts {
    fn from_item(item: &Map<String, Value>, places: Places) -> Result<Self, String> {
        let mut texts = Self(Default::default());
        for field in Field::ALL {
            let value = places.get(field).and_then(|place| item.values().nth(place));
            texts.0[field as usize] = match value {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.clone()),
                // The shortest decimal of the same number, as the file had it.
                Some(Value::Number(number)) => Some(number.to_string()),
                Some(other) => return Err(format!("{} is {}, not a text or number", field.name(), kind(other))),
            };
        }
        Ok(texts)
    }

    fn get(&self, field: Field) -> Option<&str> {
        self.0[field as usize].as_deref()
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

impl<'de> Visitor<'de> for &mut Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Value>()? {
            self.take(&item).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}
