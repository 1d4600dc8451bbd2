//! Layout of a project: folders of modules and migrations, file of declarations, name of the SQL macro.
//!
//! Knows paths as texts. Reads no file.

use serde::Deserialize;

/// Settings file in the root of a project. The file lists the deviations from the default layout.
pub const SETTINGS: &str = "offshoot-check.toml";

/// Layout of a project. Paths are relative to the root, with `/` between folders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layout {
    /// Folder with one subfolder per module.
    pub modules: String,
    /// Folder of the contract crate, inside a module's folder.
    pub contract: String,
    /// Folder of a module's migrations; `{module}` stands for the module's name.
    pub migrations: String,
    /// Name of the macro that contains SQL.
    pub sql_macro: String,
    /// Prefix of chassis tables. No module may access such a table.
    pub chassis_prefix: String,
    /// Folders of code without data. SQL is forbidden there.
    pub without_data: Vec<String>,
    /// File of the application that declares the modules, with `modules!` and `origins!`. Rules about declarations need
    /// this file, with `modules!`.
    pub declarations: String,
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
            declarations: "app/src/wiring.rs".to_owned(),
        }
    }
}

impl Layout {
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The module of the source file `path`, if the file is below a module's folder.
    pub(crate) fn module_of_code<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut parts = path.strip_prefix(&self.modules)?.strip_prefix('/')?.split('/');
        let module = parts.next()?;
        parts.next().map(|_| module)
    }

    /// The module of the migration `path`, if the file is below a module's migrations.
    pub(crate) fn module_of_migrations<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (before, after) = self.migrations.split_once("{module}")?;
        let (module, rest) = path.strip_prefix(before)?.split_once('/')?;
        let after = after.trim_start_matches('/');
        (after.is_empty() || rest.strip_prefix(after)?.starts_with('/')).then_some(module)
    }

    /// Folder of the application: the crate with the file of declarations. Empty for the project's root.
    pub(crate) fn application(&self) -> &str {
        let path = format!("/{}", self.declarations);
        let end = path.find("/src/").unwrap_or(0);
        self.declarations.get(..end.saturating_sub(1)).unwrap_or_default()
    }

    /// Path of the application's manifest.
    pub(crate) fn application_manifest(&self) -> String {
        format!("{}/Cargo.toml", self.application())
            .trim_start_matches('/')
            .to_owned()
    }

    /// Folders with files to check.
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
