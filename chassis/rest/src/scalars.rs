//! Decoding of scalar parameters from paths and queries.

use std::borrow::Cow;

use serde::de::value::{MapDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// A request field that does not decode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct BadRequest {
    /// Path of the field; `.` is the whole body.
    pub field: String,
    /// Why the field does not decode.
    pub reason: String,
}

/// Name and text of one scalar.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Decodes a struct of scalars. A struct with `deny_unknown_fields` refuses unknown and repeated names.
pub(crate) fn decode_pairs<T: DeserializeOwned>(pairs: Vec<Pair<'_>>) -> Result<T, BadRequest> {
    serde_path_to_error::deserialize(map(pairs)).map_err(|error| BadRequest {
        field: error.path().to_string(),
        reason: error.into_inner().to_string(),
    })
}

/// A deserializer of one type for all structs: a closure in [`decode_pairs`] would be another type for each.
fn map<'a>(pairs: Vec<Pair<'a>>) -> MapDeserializer<'a, impl Iterator<Item = (String, Text<'a>)>, DecodeError> {
    MapDeserializer::new(pairs.into_iter().map(|(name, text)| (name.into_owned(), Text(text))))
}

type DecodeError = serde::de::value::Error;

/// The text of one scalar.
struct Text<'a>(Cow<'a, str>);

impl IntoDeserializer<'_, DecodeError> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($deserialize:ident $visit:ident $expected:literal),* $(,)?) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(DecodeError::custom(format!("`{}` is not {}", self.0.chars().take(80).collect::<String>(), $expected))),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_str(&self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        StringDeserializer::new(self.0.into_owned()).deserialize_enum(name, variants, visitor)
    }

    parsed! {
        deserialize_bool visit_bool "`true` or `false`",
        deserialize_u8 visit_u8 "a whole number from 0 to 255",
        deserialize_u16 visit_u16 "a whole number from 0 to 65535",
        deserialize_u32 visit_u32 "a whole number from 0 to 4294967295",
        deserialize_u64 visit_u64 "a whole number from 0 to 18446744073709551615",
        deserialize_i8 visit_i8 "a whole number from -128 to 127",
        deserialize_i16 visit_i16 "a whole number from -32768 to 32767",
        deserialize_i32 visit_i32 "a whole number from -2147483648 to 2147483647",
        deserialize_i64 visit_i64 "a whole number of 64 bits",
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
