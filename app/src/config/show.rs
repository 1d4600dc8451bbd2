//! `offshoot config`: every setting with its value and origin. Passwords are masked.

use std::fmt;

use config::{Value, ValueKind};
use serde::Serialize;

use super::Configuration;
use super::value::without_password;

/// All settings, sorted by key.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Shown(Vec<ShownSetting>);

#[derive(Debug, Serialize)]
struct ShownSetting {
    key: String,
    value: String,
    origin: String,
}

impl Configuration {
    /// The effective settings, safe to print.
    #[must_use]
    pub fn show(&self) -> Shown {
        let mut settings = Vec::new();
        flatten("", &self.merged.cache, &mut settings);
        settings.sort_by(|a, b| a.key.cmp(&b.key));
        Shown(settings)
    }
}

fn flatten(key: &str, value: &Value, into: &mut Vec<ShownSetting>) {
    if let ValueKind::Table(table) = &value.kind {
        for (name, value) in table {
            let key = if key.is_empty() {
                name.clone()
            } else {
                format!("{key}.{name}")
            };
            flatten(&key, value, into);
        }
        return;
    }
    into.push(ShownSetting {
        key: key.to_owned(),
        value: without_password(&value.to_string()),
        origin: value.origin().unwrap_or_default().to_owned(),
    });
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&ShownSetting) -> usize| self.0.iter().map(text).max().unwrap_or(0);
        let keys = width(|setting| setting.key.len());
        let values = width(|setting| setting.value.chars().count() + 2);
        for ShownSetting { key, value, origin } in &self.0 {
            let value = format!("\"{value}\"");
            writeln!(f, "{key:keys$} = {value:values$}  # {origin}")?;
        }
        Ok(())
    }
}
