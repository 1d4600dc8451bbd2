//! Reads a file of settings: dotted keys with their values, lines, and the comments behind the values.
//!
//! Knows no setting.

use std::ops::Range;

use config::ValueKind;
use serde::de::Error as _;
use toml::de::{DeTable, DeValue, Error};

use super::ConfigurationError;

/// One key of a file.
#[derive(Debug)]
pub(super) struct Entry {
    /// With dots: `remote.pause`.
    pub(super) key: String,
    pub(super) value: ValueKind,
    /// The first line of the value, counted from 1.
    pub(super) line: usize,
    /// The comment behind the value on the same line; empty without one.
    pub(super) comment: String,
}

/// All keys of the file `name` with this text.
pub(super) fn entries(name: &str, text: &str) -> Result<Vec<Entry>, ConfigurationError> {
    let not_toml = |cause| ConfigurationError::NotToml {
        layer: name.to_owned(),
        cause: Box::new(cause),
    };
    let table = DeTable::parse(text).map_err(not_toml)?;
    let (mut found, mut open) = (Vec::new(), vec![(String::new(), table.into_inner())]);
    while let Some((prefix, table)) = open.pop() {
        for (key, value) in table {
            let key = format!("{prefix}{}", key.get_ref());
            let (span, value) = (value.span(), value.into_inner());
            if let DeValue::Table(table) = value {
                open.push((format!("{key}."), table));
                continue;
            }
            let line = line_of(text, &span);
            let value = scalar(value).map_err(|error| match error {
                NotScalar::Is(found) => ConfigurationError::NotScalar {
                    layer: format!("{name}:{line}"),
                    key: key.clone(),
                    found,
                },
                NotScalar::TooLarge => not_toml(Error::custom(format!("line {line}: the number is too large"))),
            })?;
            let comment = comment_behind(text, &span);
            found.push(Entry {
                key,
                value,
                line,
                comment,
            });
        }
    }
    Ok(found)
}

/// Why a value is not a text, a number or a truth value.
enum NotScalar {
    Is(&'static str),
    TooLarge,
}

/// The value. A list of texts is the texts, separated by commas.
fn scalar(value: DeValue<'_>) -> Result<ValueKind, NotScalar> {
    let found = value.type_str();
    Ok(match value {
        DeValue::String(text) => ValueKind::String(text.into_owned()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            ValueKind::I64(number.map_err(|_| NotScalar::TooLarge)?)
        }
        DeValue::Float(number) => ValueKind::Float(number.as_str().parse().map_err(|_| NotScalar::TooLarge)?),
        DeValue::Boolean(truth) => ValueKind::Boolean(truth),
        DeValue::Array(texts) => {
            let texts = texts.iter().map(|text| text.get_ref().as_str());
            let texts: Option<Vec<_>> = texts.collect();
            ValueKind::String(texts.ok_or(NotScalar::Is(found))?.join(","))
        }
        DeValue::Table(_) | DeValue::Datetime(_) => return Err(NotScalar::Is(found)),
    })
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text[..span.start].matches('\n').count()
}

fn comment_behind(text: &str, span: &Range<usize>) -> String {
    let rest = text[span.end..].lines().next().unwrap_or_default();
    let comment = rest.trim_start().strip_prefix('#').unwrap_or_default();
    comment.trim().to_owned()
}
