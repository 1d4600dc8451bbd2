//! Range of each setting, as the file of defaults states the range behind the value: `silence = "4s" # 400ms to 1h`.
//!
//! Holds for the values of every layer, and for the settings of modules too. Knows no setting.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use config::ValueKind;
use offshoot_host::parse_duration;

use super::ConfigurationError;

/// Ranges by dotted key.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<String, Range>);

impl Ranges {
    /// Adds the range of the setting `key`. Fails if `text` is not a range.
    pub(super) fn declare(&mut self, key: &str, text: &str) -> Result<(), ConfigurationError> {
        let range = Range::parse(text).ok_or_else(|| {
            ConfigurationError::Contradiction(format!(
                "the defaults state no range behind `{key}`: write for instance `# 1s to 1h`, `# 1 to 100`, `# 0.0 to 1.0`, \
                 `# 0 to 300 bytes`, `# 0 to 64 items of 100 bytes`, or `# yes, no or auto`"
            ))
        })?;
        self.0.insert(key.to_owned(), range);
        Ok(())
    }

    /// All keys with their ranges.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Range)> {
        self.0.iter().map(|(key, range)| (key.as_str(), range))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Range> {
        self.0.get(key)
    }
}

/// The valid values of one setting.
#[derive(Debug)]
pub(super) struct Range {
    text: String,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// `400ms to 1h`
    Duration(RangeInclusive<Duration>),
    /// `1 to 1000`: whole numbers.
    Number(RangeInclusive<i64>),
    /// `0.0 to 1.0`
    Share(RangeInclusive<f64>),
    /// `yes, no or auto`
    Word(Vec<String>),
    /// `auto or 1 to 1000`: a word, or a whole number.
    WordOrNumber(String, RangeInclusive<i64>),
    /// `0 to 300 bytes`
    Text(RangeInclusive<usize>),
    /// `0 to 64 items of 100 bytes`: texts of at most 100 bytes, separated by commas.
    List(RangeInclusive<usize>, usize),
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        if let Some((first, last)) = text.split_once(" or ") {
            if let Some(Self::Number(range)) = Self::parse(last) {
                return Some(Self::WordOrNumber(first.to_owned(), range));
            }
            let words = first.split(", ").chain([last]);
            return Some(Self::Word(words.map(str::to_owned).collect()));
        }
        let (least, most) = text.split_once(" to ")?;
        if let Some((most, bytes)) = most.split_once(" items of ") {
            let bytes = bytes.strip_suffix(" bytes")?.parse().ok()?;
            return Some(Self::List(least.parse().ok()?..=most.parse().ok()?, bytes));
        }
        if let Some(most) = most.strip_suffix(" bytes") {
            return Some(Self::Text(least.parse().ok()?..=most.parse().ok()?));
        }
        if let (Some(least), Some(most)) = (parse_duration(least), parse_duration(most)) {
            return Some(Self::Duration(least..=most));
        }
        if let (Ok(least), Ok(most)) = (least.parse(), most.parse()) {
            return Some(Self::Number(least..=most));
        }
        Some(Self::Share(least.parse().ok()?..=most.parse().ok()?))
    }
}

impl Range {
    /// `None` if `text` is not a range.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, kind) = (text.to_owned(), Kind::parse(text)?);
        Some(Self { text, kind })
    }

    /// Checks a value from any layer. The error states the valid values.
    pub(super) fn check(&self, value: &ValueKind) -> Result<(), String> {
        let text = || match value {
            ValueKind::String(text) => Some(text.as_str()),
            _ => None,
        };
        let is_inside = match &self.kind {
            Kind::Duration(range) => text()
                .and_then(parse_duration)
                .is_some_and(|value| range.contains(&value)),
            Kind::Number(range) => whole_number(value).is_some_and(|value| range.contains(&value)),
            Kind::Share(range) => share(value).is_some_and(|value| range.contains(&value)),
            Kind::Word(words) => words.contains(&value.to_string()),
            Kind::WordOrNumber(word, range) => {
                text() == Some(word) || whole_number(value).is_some_and(|value| range.contains(&value))
            }
            Kind::Text(range) => text().is_some_and(|text| range.contains(&text.len()) && is_printable(text)),
            Kind::List(range, bytes) => text().is_some_and(|text| {
                let items = items(text);
                range.contains(&items.len()) && items.iter().all(|item| item.len() <= *bytes) && is_printable(text)
            }),
        };
        if is_inside { Ok(()) } else { Err(self.refusal()) }
    }

    /// The least and the greatest value.
    #[cfg(test)]
    pub(super) fn ends(&self) -> Vec<String> {
        let Self { text, kind } = self;
        match kind {
            Kind::Word(words) => words.iter().filter(|word| *word != "remote").cloned().collect(),
            Kind::WordOrNumber(word, range) => vec![word.clone(), range.start().to_string(), range.end().to_string()],
            Kind::Text(_) | Kind::List(..) => Vec::new(),
            _ => text.split(" to ").map(str::to_owned).collect(),
        }
    }

    fn refusal(&self) -> String {
        let text = &self.text;
        match &self.kind {
            Kind::Duration(_) => {
                format!("give a duration from {text}: a whole number and ms, s, m, h or d, such as 30s or 7d")
            }
            Kind::Number(_) => format!("give a whole number from {text}"),
            Kind::Share(_) => format!("give a number from {text}"),
            Kind::Word(_) => format!("give {text}"),
            Kind::WordOrNumber(word, range) => {
                format!(
                    "give {word}, or a whole number from {} to {}",
                    range.start(),
                    range.end()
                )
            }
            Kind::Text(_) => format!("give a text of {text}, without control characters"),
            Kind::List(..) => format!("give a list of {text}, separated by commas, without control characters"),
        }
    }
}

/// The items of a list in a text.
pub(super) fn items(text: &str) -> Vec<&str> {
    let items = text.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

fn is_printable(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// The environment and the command line have numbers as texts only. Another kind of value, such as `true` or `1.5`, is not
/// a whole number, although the `config` crate would make one of it.
fn whole_number(value: &ValueKind) -> Option<i64> {
    match value {
        ValueKind::I64(number) => Some(*number),
        ValueKind::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn share(value: &ValueKind) -> Option<f64> {
    match value {
        ValueKind::Float(number) => Some(*number),
        ValueKind::I64(number) => number.to_string().parse().ok(),
        ValueKind::String(text) => text.parse().ok(),
        _ => None,
    }
}
