//! Exact amounts of money, in ten-thousandths of a currency unit.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in one currency. JSON: `{"amount":"2.55","currency":"GBP"}`, a decimal text with two to four decimals.
///
/// The unit is a ten-thousandth, because real amounts have up to three decimals, and shares of them a fourth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    ten_thousandths: i64,
    currency: Currency,
}

/// A currency by ISO 4217 code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Error for an invalid amount or currency, or for invalid arithmetic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the error messages document the variants")]
pub enum InvalidMoney {
    #[error("`{0}` is not a valid amount: use digits with at most four decimals after a point, such as 2.55")]
    Amount(String),
    #[error("`{0}` is not a valid currency: use three capital letters of ISO 4217, such as GBP")]
    Currency(String),
    #[error("the amount is larger than 922337203685477.5807")]
    TooLarge,
    #[error("{0} and {1} cannot be added")]
    Mixed(Currency, Currency),
}

const SCALE: i64 = 10_000;

impl Money {
    /// Pounds sterling.
    pub const GBP: Currency = Currency(*b"GBP");

    /// An amount of `ten_thousandths` of the currency unit.
    #[must_use]
    pub const fn new(ten_thousandths: i64, currency: Currency) -> Self {
        Self {
            ten_thousandths,
            currency,
        }
    }

    /// Parses a decimal text such as `2.55`.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, InvalidMoney> {
        Ok(Self::new(parse_amount(amount)?, currency))
    }

    /// The amount in ten-thousandths of the currency unit.
    #[must_use]
    pub const fn ten_thousandths(self) -> i64 {
        self.ten_thousandths
    }

    /// The currency of the amount.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts. Fails if the currencies differ or the sum is too large.
    pub fn checked_add(self, other: Self) -> Result<Self, InvalidMoney> {
        if self.currency != other.currency {
            return Err(InvalidMoney::Mixed(self.currency, other.currency));
        }
        let sum = self.ten_thousandths.checked_add(other.ten_thousandths);
        sum.map(|sum| Self::new(sum, self.currency))
            .ok_or(InvalidMoney::TooLarge)
    }

    /// The amount times `quantity`. Fails if the result is too large.
    pub fn checked_mul(self, quantity: i64) -> Result<Self, InvalidMoney> {
        let total = self.ten_thousandths.checked_mul(quantity);
        total
            .map(|total| Self::new(total, self.currency))
            .ok_or(InvalidMoney::TooLarge)
    }

    /// The amount as a decimal text with two to four decimals.
    #[must_use]
    pub fn amount(self) -> String {
        let (sign, units, rest) = {
            let magnitude = self.ten_thousandths.unsigned_abs();
            let sign = if self.ten_thousandths < 0 { "-" } else { "" };
            (sign, magnitude / SCALE.unsigned_abs(), magnitude % SCALE.unsigned_abs())
        };
        let mut text = format!("{sign}{units}.{rest:04}");
        for _ in 0..2 {
            if text.ends_with('0') {
                text.pop();
            }
        }
        text
    }
}

fn parse_amount(text: &str) -> Result<i64, InvalidMoney> {
    let invalid = || InvalidMoney::Amount(text.chars().take(40).collect());
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (units, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(units) || !all_digits(decimals) || decimals.len() > 4 {
        return Err(invalid());
    }
    let magnitude = format!("{units}{decimals:0<4}")
        .parse::<i64>()
        .map_err(|_| InvalidMoney::TooLarge)?;
    Ok(if negative { -magnitude } else { magnitude })
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Money", deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    amount: std::borrow::Cow<'a, str>,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let amount = self.amount().into();
        let currency = self.currency;
        Wire { amount, currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        Self::parse(&wire.amount, wire.currency).map_err(de::Error::custom)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "amount": { "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,4})?$" },
                "currency": generator.subschema_for::<Currency>(),
            },
            "required": ["amount", "currency"],
        })
    }
}

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        let letters: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        letters
            .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
            .map(Self)
            .ok_or_else(|| InvalidMoney::Currency(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_amount_survives_a_round_trip_as_text(ten_thousandths in -i64::MAX..=i64::MAX) {
            let money = Money::new(ten_thousandths, Money::GBP);
            prop_assert_eq!(Money::parse(&money.amount(), Money::GBP), Ok(money));
        }
    }

    #[test]
    fn an_amount_is_shown_with_two_to_four_decimals() {
        for (ten_thousandths, text) in [
            (25_500, "2.55"),
            (10, "0.001"),
            (-5, "-0.0005"),
            (0, "0.00"),
            (10_000, "1.00"),
        ] {
            assert_eq!(Money::new(ten_thousandths, Money::GBP).amount(), text);
        }
    }

    #[test]
    fn an_invalid_amount_is_refused() {
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "1,00",
            "1e3",
            "+1",
            "1.00001",
            " 1",
            "99999999999999999999",
        ] {
            assert!(Money::parse(text, Money::GBP).is_err(), "{text}");
        }
    }
}
