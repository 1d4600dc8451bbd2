//! Where a project has its modules, and how it writes SQL.

use serde::Deserialize;

use crate::file::CheckError;

/// The file in a project's root that says how it differs from the defaults.
pub const SETTINGS: &str = "offshoot-check.toml";

/// Where things are. Paths are from the root, with `/` between folders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layout {
    /// The folder with one folder per module.
    pub modules: String,
    /// The folder of the contract's crate, in a module's folder.
    pub contract: String,
    /// The folder of a module's migrations; `{module}` stands for its name.
    pub migrations: String,
    /// The macro that SQL stands in.
    pub sql_macro: String,
    /// How tables begin that belong to the chassis and are touched by no module.
    pub chassis_prefix: String,
    /// Folders of code that has no data, and so no SQL.
    pub without_data: Vec<String>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            modules: "modules".to_owned(),
            contract: "api".to_owned(),
            migrations: "migrations/{module}".to_owned(),
            sql_macro: "sql".to_owned(),
            chassis_prefix: "offshoot_".to_owned(),
            without_data: vec!["app/src".to_owned()],
        }
    }
}

impl Layout {
    pub(crate) fn parse(text: &str) -> Result<Self, CheckError> {
        toml::from_str(text).map_err(|cause| CheckError::Settings {
            reason: cause.message().to_owned(),
        })
    }

    /// The module that a path belongs to, by its code.
    pub(crate) fn module_of_code<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut parts = path.strip_prefix(&self.modules)?.strip_prefix('/')?.split('/');
        let module = parts.next()?;
        parts.next().map(|_| module)
    }

    /// The module that a path belongs to, by its migrations.
    pub(crate) fn module_of_migrations<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (before, after) = self.migrations.split_once("{module}")?;
        let (module, rest) = path.strip_prefix(before)?.split_once('/')?;
        let after = after.trim_start_matches('/');
        (after.is_empty() || rest.strip_prefix(after)?.starts_with('/')).then_some(module)
    }

    /// The folders that are read.
    pub(crate) fn folders(&self) -> Vec<&str> {
        let migrations = self.migrations.split("{module}").next().unwrap_or_default();
        let mut folders = vec![self.modules.as_str()];
        let more = self
            .without_data
            .iter()
            .map(String::as_str)
            .chain([migrations.trim_end_matches('/')]);
        folders.extend(more.filter(|folder| *folder != self.modules));
        folders.retain(|folder| !folder.is_empty());
        folders
    }
}
