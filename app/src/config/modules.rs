//! Passes each module its own settings: the table with the module's name, such as `[carts]`.
//!
//! Knows the names of modules, but none of the keys.

use std::collections::BTreeMap;

use config::{Config, Value, ValueKind};
use serde_json::{Map, Value as Json};

use super::layer::Layer;
use super::{ConfigurationError, Settings, found_at};
use crate::wiring;

/// Removes the modules' tables from the configuration. A text takes the type of the default, because the environment
/// and the command line have only texts.
pub(super) fn split_off(mut merged: Config, default: &Layer) -> (Config, BTreeMap<&'static str, Json>) {
    let mut own = BTreeMap::new();
    if let ValueKind::Table(table) = &mut merged.cache.kind {
        for module in wiring::names() {
            let settings = table.remove(module).map(|value| to_json(module, &value, default));
            own.insert(module, settings.unwrap_or_else(|| Json::Object(Map::new())));
        }
    }
    (merged, own)
}

/// Gives each module its own settings. An implementation in this binary checks them.
pub(super) fn add(
    settings: &mut Settings,
    own: BTreeMap<&'static str, Json>,
    merged: &Config,
) -> Result<(), ConfigurationError> {
    for implementation in wiring::implementations() {
        let module = implementation.schema.module;
        if let Some(settings) = own.get(module) {
            (implementation.check_settings)(settings)
                .map_err(|invalid| found_at(merged, &format!("{module}.{}", invalid.key), invalid.reason))?;
        }
    }
    for (module, own) in own {
        if let Some(settings) = settings.modules.get_mut(module) {
            settings.own = own;
        }
    }
    Ok(())
}

fn to_json(key: &str, value: &Value, default: &Layer) -> Json {
    match &value.kind {
        ValueKind::Table(table) => {
            let entries = table.iter().map(|(name, value)| {
                let json = to_json(&format!("{key}.{name}"), value, default);
                (name.clone(), json)
            });
            Json::Object(entries.collect())
        }
        ValueKind::Boolean(truth) => Json::from(*truth),
        ValueKind::I64(number) => Json::from(*number),
        ValueKind::Float(number) => Json::from(*number),
        ValueKind::String(text) if default.is_text(key) => Json::from(text.as_str()),
        ValueKind::String(text) => text.parse().unwrap_or_else(|_| Json::from(text.as_str())),
        other => Json::from(other.to_string()),
    }
}
