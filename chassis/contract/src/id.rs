//! Typed entity ids: UUIDv7 values with TypeID text form (`station_01h455vb4pex5vsknk084sn02q`).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::time::Timestamp;

/// An entity type with typed ids.
pub trait Entity: Send + Sync + 'static {
    /// Prefix of the id's text form: 1 to 20 lower-case letters.
    const PREFIX: &'static str;
}

/// Id of an entity `E`. Sorts by time of creation.
pub struct Id<E> {
    uuid: Uuid,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> Id<E> {
    /// A new id with `now` as the time of creation; all other bits are random.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid())
    }

    /// The id with this UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self {
            uuid,
            entity: PhantomData,
        }
    }

    /// The untyped UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

/// Error for a text that is not a valid id of the expected entity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid id: use {prefix}_ followed by 26 characters of Crockford's base 32 in lower case")]
pub struct InvalidId {
    text: String,
    prefix: &'static str,
}

/// Crockford's base 32 in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five; the first group has only three bits.
const DIGITS: usize = 26;

impl<E: Entity> fmt::Display for Id<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.uuid.as_u128();
        let mut digits = [0; DIGITS];
        for (position, digit) in digits.iter_mut().rev().enumerate() {
            *digit = ALPHABET[(bits >> (5 * position)) as usize & 31];
        }
        let digits = std::str::from_utf8(&digits).map_err(|_| fmt::Error)?;
        write!(f, "{}_{digits}", E::PREFIX)
    }
}

impl<E: Entity> FromStr for Id<E> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parse = || {
            let digits = text.strip_prefix(E::PREFIX)?.strip_prefix('_')?;
            // A first digit above 7 would need a 129th bit.
            if digits.len() != DIGITS || digits.as_bytes()[0] > b'7' {
                return None;
            }
            digits.bytes().try_fold(0_u128, |bits, digit| {
                let value = ALPHABET.iter().position(|&known| known == digit)?;
                Some(bits << 5 | value as u128)
            })
        };
        parse()
            .map(Uuid::from_u128)
            .map(Self::from_uuid)
            .ok_or_else(|| InvalidId {
                text: text.chars().take(80).collect(),
                prefix: E::PREFIX,
            })
    }
}

impl<E: Entity> Serialize for Id<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, E: Entity> Deserialize<'de> for Id<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<E>(PhantomData<E>);
        impl<E: Entity> de::Visitor<'_> for Text<E> {
            type Value = Id<E>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an id starting with {}_", E::PREFIX)
            }
            fn visit_str<X: de::Error>(self, text: &str) -> Result<Id<E>, X> {
                text.parse().map_err(X::custom)
            }
        }
        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl<E: Entity> JsonSchema for Id<E> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}_id", E::PREFIX).into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", E::PREFIX),
        })
    }
}

// Written by hand: derived implementations would require the same traits of `E`, which is only a marker.
impl<E> Clone for Id<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E> Copy for Id<E> {}
impl<E> PartialEq for Id<E> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<E> Eq for Id<E> {}
impl<E> PartialOrd for Id<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Id<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<E> Hash for Id<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<E: Entity> fmt::Debug for Id<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Station;
    impl Entity for Station {
        const PREFIX: &'static str = "station";
    }

    proptest! {
        #[test]
        fn every_id_survives_a_round_trip_as_text(bits: u128) {
            let id = Id::<Station>::from_uuid(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn ids_and_their_texts_have_the_same_order(a: u128, b: u128) {
            let [a, b] = [a, b].map(|bits| Id::<Station>::from_uuid(Uuid::from_u128(bits)));
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }
    }

    #[test]
    fn a_wrong_prefix_an_overflow_and_capitals_are_refused() {
        for text in [
            "sensor_01h455vb4pex5vsknk084sn02q",
            "station_81h455vb4pex5vsknk084sn02q",
            "station_01H455VB4PEX5VSKNK084SN02Q",
            "station_01h455vb4pex5vsknk084sn02",
            "station01h455vb4pex5vsknk084sn02q",
            "station_é1h455vb4pex5vsknk084sn02",
            "",
        ] {
            assert!(text.parse::<Id<Station>>().is_err(), "{text}");
        }
    }
}
