//! A layer of the configuration: default, file, environment or flags. A flat list of dotted keys, values and origins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use config::{Map, Source, Value, ValueKind};

use super::ConfigurationError;
use super::ranges::Ranges;
use super::suggestion::nearest;
use super::toml_file::{Entry, entries};
use crate::wiring;

/// The defaults, part of the binary.
pub(super) const DEFAULT: &str = include_str!("../../config/default.toml");
/// Prefix of keys that hold for each module.
const EACH_MODULE: &str = "modules.*.";
/// Origin of a default value.
pub(super) const DEFAULT_NAME: &str = "default";
/// Prefix of our environment variables. A single underscore would claim other programs' variables.
pub(super) const PREFIX: &str = "OFFSHOOT__";

/// Settings given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    set: Vec<Flag>,
    only: Vec<String>,
}

#[derive(Debug, Clone)]
struct Flag {
    name: &'static str,
    key: String,
    value: String,
}

impl Flags {
    /// Sets `key`, as the flag `name` asks.
    pub fn set(&mut self, name: &'static str, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        self.set.push(Flag { name, key, value });
    }

    /// Places these modules in this process, and no others.
    pub fn only(&mut self, modules: &[String]) {
        self.only.extend_from_slice(modules);
    }
}

/// Values by dotted key; every value has its origin.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    name: String,
    values: BTreeMap<String, Value>,
}

impl Layer {
    /// The defaults with their ranges. Settings of `modules."*"` are repeated for each module.
    pub(super) fn default_settings() -> Result<(Self, Ranges), ConfigurationError> {
        let (mut layer, mut ranges) = (Self::empty(DEFAULT_NAME), Ranges::default());
        for entry in entries(DEFAULT_NAME, DEFAULT)? {
            let keys = match entry.key.strip_prefix(EACH_MODULE) {
                Some(name) => wiring::names()
                    .map(|module| format!("modules.{module}.{name}"))
                    .collect(),
                None => vec![entry.key],
            };
            for key in keys {
                ranges.declare(&key, &entry.comment)?;
                layer.insert(key, DEFAULT_NAME, entry.value.clone());
            }
        }
        Ok((layer, ranges))
    }

    /// Whether the value at `key` is a text.
    pub(super) fn is_text(&self, key: &str) -> bool {
        let value = self.values.get(key);
        value.is_none_or(|value| matches!(value.kind, ValueKind::String(_)))
    }

    pub(super) fn file(path: &Path) -> Result<Self, ConfigurationError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigurationError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        let name = path.display().to_string();
        let mut layer = Self::empty(&name);
        for Entry { key, value, line, .. } in entries(&name, &text)? {
            layer.insert(key, &format!("{name}:{line}"), value);
        }
        Ok(layer)
    }

    pub(super) fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut layer = Self::empty("the environment");
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            if let Some(key) = name.strip_prefix(PREFIX) {
                let key = key.replace("__", ".").to_lowercase();
                let value = value.to_string_lossy().into_owned();
                layer.insert(key, &format!("environment variable {name}"), ValueKind::String(value));
            }
        }
        layer
    }

    /// `placement_below` returns a module's placement in the weaker layers.
    pub(super) fn flags(flags: &Flags, placement_below: impl Fn(&str) -> Option<String>) -> Self {
        let mut layer = Self::empty("the command line");
        if !flags.only.is_empty() {
            for module in wiring::names() {
                let wanted = flags.only.iter().any(|only| only == module);
                let here = matches!(placement_below(module).as_deref(), Some("local" | "encoded"));
                let placement = match (wanted, here) {
                    (true, false) => "local",
                    (false, true) => "off",
                    _ => continue,
                };
                let key = format!("modules.{module}.placement");
                layer.insert(key, "flag --only", ValueKind::String(placement.to_owned()));
            }
        }
        for flag in &flags.set {
            let origin = format!("flag {}", flag.name);
            layer.insert(flag.key.clone(), &origin, ValueKind::String(flag.value.clone()));
        }
        layer
    }

    /// All keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub(super) fn refuse_unknown_keys(&self, known: &Layer) -> Result<(), ConfigurationError> {
        match self.values.iter().find(|(key, _)| !known.values.contains_key(*key)) {
            Some((key, value)) => Err(ConfigurationError::UnknownKey {
                layer: value.origin().unwrap_or(&self.name).to_owned(),
                key: key.clone(),
                meant: nearest(key, known.keys()).map_or_else(String::new, |known| format!(" (is `{known}` meant?)")),
            }),
            None => Ok(()),
        }
    }

    fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            values: BTreeMap::new(),
        }
    }

    fn insert(&mut self, key: String, origin: &str, kind: ValueKind) {
        self.values.insert(key, Value::new(Some(&origin.to_owned()), kind));
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.values.clone().into_iter().collect())
    }
}
