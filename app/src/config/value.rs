//! How a text becomes a setting, and how one that holds a password is shown.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, IntoDeserializer as _};
use serde::{Deserialize, Deserializer};

/// A value, or none where the text is empty.
pub(super) fn unless_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    let text = Some(text).filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
}

/// Values with commas between them.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_err(de::Error::custom)).collect()
}

/// One of the words of an enum, which the error lists.
pub(super) fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::deserialize(text.into_deserializer()).map_err(|error: de::value::Error| de::Error::custom(error))
}

/// A duration such as `30s` or `7d`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text)
        .ok_or_else(|| de::Error::custom("a duration is a whole number and ms, s, m, h or d, such as 30s or 7d"))
}

/// A whole number and ms, s, m, h or d; none if it is something else.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit_millis) = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ]
    .into_iter()
    .find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, millis)))?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(unit_millis)
        .map(Duration::from_millis)
}

/// The same text with the password of a URL replaced by asterisks.
pub(super) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, None), |(rest, query)| (rest, Some(query)));
    // The last `@`: a password that was not percent-encoded may hold one.
    let authority = match rest.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => format!("{login}@{host}"),
        },
        None => rest.to_owned(),
    };
    let query = query.map_or_else(String::new, |query| {
        let shown = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.contains("password") => format!("{name}=***"),
            _ => pair.to_owned(),
        });
        format!("?{}", shown.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{authority}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_number_and_one_unit() {
        assert_eq!(parse_duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(604_800)));
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "+1s",
            "1.5h",
            "1h30m",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn no_way_of_giving_a_password_is_shown() {
        for (text, shown) in [
            ("postgres://shop:s3cret@db/store", "postgres://shop:***@db/store"),
            ("postgres://shop:s3@cr/et@db/store", "postgres://shop:***@db/store"),
            (
                "postgres://shop@db/store?sslmode=require&password=s3cret",
                "postgres://shop@db/store?sslmode=require&password=***",
            ),
            ("postgres://db/store", "postgres://db/store"),
            ("data", "data"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }
}
