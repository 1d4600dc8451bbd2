//! Reads JSON so that an object is written as an object.
//!
//! The `Deserialize` that serde derives for a struct also accepts an array of the fields in order. Over a wire that
//! hides a caller's mistake, and the meaning changes with the order of the fields. Every reader of requests, answers and
//! events goes through [`Objects`]. Not covered: a struct inside of a variant of an internally tagged enum, because serde
//! reads the variant into a buffer of its own.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

/// Decodes a whole JSON text.
pub fn from_slice<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = T::deserialize(Objects(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// A deserializer that refuses a sequence in the place of a struct, at any depth. Also wraps the visitors, seeds and
/// accesses that lead to the nested values.
#[derive(Debug)]
pub struct Objects<T>(pub T);

macro_rules! deserialize {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* Objects(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    deserialize! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident($type:ty);)*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    visit! {
        visit_bool(bool);
        visit_i8(i8);
        visit_i16(i16);
        visit_i32(i32);
        visit_i64(i64);
        visit_i128(i128);
        visit_u8(u8);
        visit_u16(u16);
        visit_u32(u32);
        visit_u64(u64);
        visit_u128(u128);
        visit_f32(f32);
        visit_f64(f64);
        visit_char(char);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
        visit_byte_buf(Vec<u8>);
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        if is_tagged_enum(&self.0) {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        self.0.visit_seq(Objects(access))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(access))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Objects(access))
    }
}

/// Whether a visitor reads an internally tagged enum. Such a visitor asks for any value and would take the first of a
/// sequence as the tag; only its description tells it from the visitors of other values.
fn is_tagged_enum(visitor: &dyn Expected) -> bool {
    visitor.to_string().starts_with("internally tagged enum ")
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(deserializer))
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(seed)?;
        Ok((value, Objects(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Objects(FieldsOf(visitor)))
    }
}

/// The visitor of a variant with named fields. A format offers such a variant as a map or as a sequence.
struct FieldsOf<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for FieldsOf<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(access)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Reading {
        sensor: String,
        #[serde(default)]
        value: Option<u64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Outcome {
        Taken { reading: Reading },
        Kept(Reading),
        Lost,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Taken { value: u64 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapper(Reading);

    fn refuse<T: DeserializeOwned + fmt::Debug>(json: &str) {
        // The twin: serde alone accepts the text.
        serde_json::from_str::<T>(json).expect(json);
        let error = from_slice::<T>(json.as_bytes()).expect_err(json).to_string();
        assert!(error.contains("invalid type: sequence"), "{json}: {error}");
    }

    #[test]
    fn a_sequence_is_not_a_struct_at_any_depth() {
        refuse::<Reading>(r#"["a", 5]"#);
        refuse::<Wrapper>(r#"["a", 5]"#);
        refuse::<Vec<Reading>>(r#"[["a", 5]]"#);
        refuse::<Option<Reading>>(r#"["a", 5]"#);
        refuse::<(u8, Reading)>(r#"[1, ["a", 5]]"#);
        refuse::<BTreeMap<String, Reading>>(r#"{"a": ["a", 5]}"#);
        refuse::<Outcome>(r#"{"Taken": [{"sensor": "a"}]}"#);
        refuse::<Outcome>(r#"{"Taken": {"reading": ["a", 5]}}"#);
        refuse::<Outcome>(r#"{"Kept": ["a", 5]}"#);
        refuse::<Tagged>(r#"["Taken", 5]"#);
    }

    #[test]
    fn other_values_decode_as_serde_decodes_them() {
        fn same<T: DeserializeOwned + fmt::Debug + PartialEq>(json: &str) {
            let plain = serde_json::from_str::<T>(json).map_err(|error| error.to_string());
            assert_eq!(
                from_slice::<T>(json.as_bytes()).map_err(|error| error.to_string()),
                plain
            );
        }
        same::<Reading>(r#"{"sensor": "a", "value": 5}"#);
        same::<Reading>(r#"{"sensor": "a"}"#);
        same::<Reading>(r#"{"value": 5}"#);
        same::<Reading>(r#"{"sensor": "a", "sensor": "b"}"#);
        same::<Outcome>(r#"{"Taken": {"reading": {"sensor": "a"}}}"#);
        same::<Outcome>(r#""Lost""#);
        same::<Tagged>(r#"{"kind": "Taken", "value": 5}"#);
        same::<Vec<Option<i8>>>("[1, null, -3]");
        same::<(bool, char, f64)>(r#"[true, "x", 0.5]"#);
        same::<Value>(r#"{"a": [1, {"b": ["a", 5]}]}"#);
        same::<Reading>("{} {}");
        same::<u64>("5 5");
    }
}
