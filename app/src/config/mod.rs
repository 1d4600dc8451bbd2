//! Settings of the process: read from four layers, checked, and shown with their origins.
//!
//! The only code that reads settings from the environment. Knows the names of modules, but not their own settings.

// Settings as values.
mod settings;
// Options of the module host.
mod hosting;
// Parsing of values.
mod policy;
mod value;
// The valid values of each setting.
mod ranges;
// Default, file, environment, flags.
mod layer;
mod toml_file;
// Names that are nearly right.
mod suggestion;
mod variables;
// Settings that only a module knows.
mod modules;
// `offshoot config`.
mod show;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Value, ValueKind};

pub use self::layer::Flags;
pub use self::policy::Policy;
pub use self::settings::{
    ConnectionsSettings, HealthSettings, Isolation, ModuleSettings, PostgresSettings, Sample, Settings,
    ShutdownSettings, TelemetrySettings,
};
pub use self::show::Shown;
pub use offshoot_host::ModulePlacement;

use self::layer::Layer;
use self::policy::check_policy;
use self::ranges::Ranges;
use self::value::without_password;

/// Characters of a refused value in an error.
const SHOWN_CHARS: usize = 200;

/// The effective settings and their origins.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Effective settings.
    pub settings: Settings,
    /// Likely mistakes that stop nothing, such as an environment variable with a single underscore.
    pub warnings: Vec<String>,
    merged: Config,
}

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages document the variants")]
pub enum ConfigurationError {
    #[error("cannot read the configuration file {}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{layer} is not TOML: {cause}")]
    NotToml { layer: String, cause: Box<toml::de::Error> },
    #[error("{layer} sets `{key}`, which is not a setting{meant}: `offshoot config` lists them all")]
    UnknownKey { layer: String, key: String, meant: String },
    #[error("{layer} gives `{key}` {found}, but the setting takes one text, number or truth value")]
    NotScalar {
        layer: String,
        key: String,
        found: &'static str,
    },
    #[error("{origin} sets `{key}` to `{value}`: {reason}")]
    BadValue {
        origin: String,
        key: String,
        value: String,
        reason: String,
    },
    #[error("{0}")]
    Contradiction(String),
}

/// Reads and checks the settings of this process.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Configuration, ConfigurationError> {
    load_from(file, std::env::vars_os(), flags)
}

/// Like [`load`], with a given environment.
pub fn load_from(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &Flags,
) -> Result<Configuration, ConfigurationError> {
    let (default, ranges) = Layer::default_settings()?;
    let environment: Vec<_> = environment.into_iter().collect();
    let warnings = variables::warnings(&environment, &default);
    let mut layers = vec![default.clone()];
    if let Some(path) = file {
        layers.push(Layer::file(path)?);
    }
    layers.push(Layer::environment(environment));
    // `--only` treats a module differently if a weaker layer has placed the module elsewhere.
    let below = merge(&layers)?;
    layers.push(Layer::flags(flags, |module| {
        below.get_string(&format!("modules.{module}.placement")).ok()
    }));
    for layer in &layers {
        layer.refuse_unknown_keys(&default)?;
    }

    let merged = merge(&layers)?;
    check_ranges(&ranges, &merged)?;
    let (host, own) = modules::split_off(merged.clone(), &default);
    let mut settings: Settings = host.try_deserialize().map_err(|error| bad_value(&merged, &error))?;
    modules::add(&mut settings, own, &merged)?;
    settings.check()?;
    refuse_absent(&settings, &merged)?;
    Ok(Configuration {
        settings,
        warnings,
        merged,
    })
}

/// Refuses a value outside of the range of its setting.
fn check_ranges(ranges: &Ranges, merged: &Config) -> Result<(), ConfigurationError> {
    for (key, range) in ranges.iter() {
        let checked = value_at(merged, key).map_or(Ok(()), |value| {
            range.check(&value.kind)?;
            match &value.kind {
                ValueKind::String(text) if key.ends_with(".policy") => check_policy(text, ranges),
                _ => Ok(()),
            }
        });
        checked.map_err(|reason| found_at(merged, key, reason))?;
    }
    Ok(())
}

/// Refuses settings that place a module here without its implementation in this binary. A default placement counts as
/// off.
fn refuse_absent(settings: &Settings, merged: &Config) -> Result<(), ConfigurationError> {
    let built: Vec<_> = crate::wiring::schemas().iter().map(|schema| schema.module).collect();
    for (name, module) in &settings.modules {
        let is_here = matches!(module.placement, ModulePlacement::Local | ModulePlacement::Encoded);
        let origin = value_at(merged, &format!("modules.{name}.placement"));
        let origin = origin.and_then(Value::origin).unwrap_or_default();
        if is_here && !built.contains(&name.as_str()) && origin != layer::DEFAULT_NAME {
            return Err(ConfigurationError::Contradiction(format!(
                "{origin} places {name} in this process, but this binary is built without {name}: build with \
                 `--features {name}`, or say where {name} runs with --remote {name}=http://HOST:PORT"
            )));
        }
    }
    Ok(())
}

fn merge(layers: &[Layer]) -> Result<Config, ConfigurationError> {
    let builder = layers
        .iter()
        .cloned()
        .fold(Config::builder(), |builder, layer| builder.add_source(layer));
    builder
        .build()
        .map_err(|error| ConfigurationError::Contradiction(error.to_string()))
}

/// Adds the value and its origin to an error of the `config` crate.
fn bad_value(merged: &Config, error: &ConfigError) -> ConfigurationError {
    let (key, reason) = match error {
        ConfigError::At {
            error, key: Some(key), ..
        } => (key, error.to_string()),
        ConfigError::Type {
            key: Some(key),
            unexpected,
            expected,
            ..
        } => (key, format!("{unexpected} is not {expected}")),
        other => return ConfigurationError::Contradiction(other.to_string()),
    };
    found_at(merged, key, reason)
}

/// The effective value of the setting `key`.
fn value_at<'a>(merged: &'a Config, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(&merged.cache, |value, name| match &value.kind {
        ValueKind::Table(table) => table.get(name),
        _ => None,
    })
}

/// An error about the value at `key`.
fn found_at(merged: &Config, key: &str, reason: String) -> ConfigurationError {
    let value = value_at(merged, key);
    ConfigurationError::BadValue {
        origin: value.and_then(Value::origin).unwrap_or("the configuration").to_owned(),
        key: key.to_owned(),
        value: value.map(shown).unwrap_or_default(),
        reason,
    }
}

/// The value as an error shows the value: without a password, on one line, and not too long for a person.
fn shown(value: &Value) -> String {
    let shown = without_password(&value.to_string()).escape_debug().to_string();
    match shown.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}..", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests;
