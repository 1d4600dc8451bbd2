//! Parses the values of settings, and masks passwords.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::{self, IntoDeserializer as _};
use serde::{Deserialize, Deserializer};

use super::ranges::items;

/// A value; `None` for an empty text.
pub(super) fn unless_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    let text = Some(text).filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
}

/// A number of at least one; `None` for `auto`.
pub(super) fn number_or_auto<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.parse() {
        Ok(number @ 1..) => Ok(Some(number)),
        _ if text == "auto" => Ok(None),
        _ => Err(de::Error::custom(format!(
            "`{text}` is not a positive integer, and not `auto`"
        ))),
    }
}

/// Values separated by commas.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    let parts = items(&text).into_iter();
    parts.map(|part| part.parse().map_err(de::Error::custom)).collect()
}

/// A variant of an enum by name; the error lists all names.
pub(super) fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::deserialize(text.into_deserializer()).map_err(|error: de::value::Error| de::Error::custom(error))
}

/// The text, with the password of a URL replaced by asterisks.
pub(super) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, None), |(rest, query)| (rest, Some(query)));
    // The last `@` ends the login, because a password without percent-encoding may contain `@`.
    let authority = match rest.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => format!("{login}@{host}"),
        },
        None => rest.to_owned(),
    };
    let query = query.map_or_else(String::new, |query| {
        let shown = query.split('&').map(|pair| match pair.split_once('=') {
            // A key belongs into a file; the parser of the URL refuses its text.
            Some((name, value)) if name.contains("password") || value.contains("BEGIN") => format!("{name}=***"),
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
    fn passwords_are_masked_wherever_a_url_holds_them() {
        for (text, shown) in [
            ("postgres://shop:s3cret@db/store", "postgres://shop:***@db/store"),
            ("postgres://shop:s3@cr/et@db/store", "postgres://shop:***@db/store"),
            (
                "postgres://shop@db/store?sslmode=require&password=s3cret",
                "postgres://shop@db/store?sslmode=require&password=***",
            ),
            (
                "postgres://db/store?sslkey=-----BEGIN KEY",
                "postgres://db/store?sslkey=***",
            ),
            ("postgres://db/store", "postgres://db/store"),
            ("data", "data"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }
}
