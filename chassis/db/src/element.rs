//! Values that can be members of a set parameter: a Postgres array or a SQLite JSON text, exact on both.

use std::io;

use offshoot_contract::{Currency, Entity, Id, Timestamp};
use sqlx::postgres::{PgHasArrayType, Postgres};
use sqlx::{Encode, Type};
use uuid::Uuid;

/// A value in a [`List`](crate::List) or in a row of [`insert_many`](crate::Tx::insert_many).
pub trait Element: for<'q> Encode<'q, Postgres> + Type<Postgres> + PgHasArrayType + Send + Sync + 'static {
    /// Whether SQLite stores the value as bytes. JSON cannot hold bytes, so `write_json` writes hexadecimal, which the
    /// statement reads with `unhex`.
    const BYTES: bool = false;

    /// Appends the value in the form that SQLite's JSON functions read.
    fn write_json(&self, json: &mut String);
}

/// Appends bytes as a quoted hexadecimal text.
fn write_hex(bytes: &[u8], json: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    json.push('"');
    for byte in bytes {
        json.push(char::from(DIGITS[usize::from(byte >> 4)]));
        json.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    json.push('"');
}

impl Element for Uuid {
    const BYTES: bool = true;
    fn write_json(&self, json: &mut String) {
        write_hex(self.as_bytes(), json);
    }
}

impl<E: Entity> Element for Id<E> {
    const BYTES: bool = true;
    fn write_json(&self, json: &mut String) {
        self.uuid().write_json(json);
    }
}

impl Element for Vec<u8> {
    const BYTES: bool = true;
    fn write_json(&self, json: &mut String) {
        write_hex(self, json);
    }
}

impl Element for i64 {
    fn write_json(&self, json: &mut String) {
        json.push_str(&self.to_string());
    }
}

impl Element for i32 {
    fn write_json(&self, json: &mut String) {
        i64::from(*self).write_json(json);
    }
}

impl Element for bool {
    fn write_json(&self, json: &mut String) {
        json.push(if *self { '1' } else { '0' });
    }
}

impl Element for Timestamp {
    fn write_json(&self, json: &mut String) {
        self.as_micros().write_json(json);
    }
}

impl Element for String {
    fn write_json(&self, json: &mut String) {
        // Serializing a string cannot fail, and the output is UTF-8.
        let _ = serde_json::to_writer(StringWriter(json), self);
    }
}

impl Element for Currency {
    fn write_json(&self, json: &mut String) {
        self.as_str().to_owned().write_json(json);
    }
}

/// Appends to a string without an intermediate copy.
struct StringWriter<'a>(&'a mut String);

impl io::Write for StringWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push_str(std::str::from_utf8(bytes).map_err(io::Error::other)?);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A JSON document: `jsonb` on Postgres, text on SQLite.
impl Element for serde_json::Value {
    fn write_json(&self, json: &mut String) {
        self.to_string().write_json(json);
    }
}

impl<T: Element> Element for Option<T> {
    const BYTES: bool = T::BYTES;
    fn write_json(&self, json: &mut String) {
        match self {
            Some(value) => value.write_json(json),
            None => json.push_str("null"),
        }
    }
}
