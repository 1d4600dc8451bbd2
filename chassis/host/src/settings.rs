//! Settings of one module, and parsing of durations such as `30s`.

use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

/// A setting that a module rejects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {reason}")]
pub struct InvalidSetting {
    /// The key below the module's name, with dots.
    pub key: String,
    /// Reason, with the valid values.
    pub reason: String,
}

/// Reads a module's settings.
pub(crate) fn read<S: DeserializeOwned>(settings: &Value) -> Result<S, InvalidSetting> {
    serde_path_to_error::deserialize(settings).map_err(|error| InvalidSetting {
        key: error.path().to_string(),
        reason: error.inner().to_string(),
    })
}

/// A duration such as `30s` or `7d`, for `#[serde(deserialize_with = "...")]`.
pub fn deserialize_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text)
        .ok_or_else(|| D::Error::custom("a duration is a whole number and ms, s, m, h or d, such as 30s or 7d"))
}

/// Parses a whole number and one of the units ms, s, m, h and d. `None` for any other text.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_one_number_and_one_unit() {
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
}
