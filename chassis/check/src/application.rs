//! The application that declares the modules: its manifest, and the crates below its folder.

use std::collections::BTreeMap;

use crate::file::File;
use crate::manifest::line_of;
use crate::project::Project;
use crate::violation::{Rule, Violation};

/// Manifest of the application.
#[derive(Debug)]
pub(crate) struct Application<'a> {
    pub(crate) file: &'a File,
    features: BTreeMap<String, Vec<String>>,
    dependencies: Vec<String>,
}

impl<'a> Application<'a> {
    /// Reads the manifest; `None` if the file is missing or not valid TOML.
    pub(crate) fn read(project: &'a Project) -> Option<Self> {
        let path = project.layout.application_manifest();
        let file = project.files.iter().find(|file| file.path == path)?;
        let table = file.text.parse::<toml::Table>().ok()?;
        let entries = |value: &toml::Value| {
            let texts = value.as_array().into_iter().flatten().filter_map(toml::Value::as_str);
            texts.map(str::to_owned).collect()
        };
        let listed = |name: &str| table.get(name).and_then(toml::Value::as_table).into_iter().flatten();
        Some(Self {
            file,
            features: listed("features")
                .map(|(name, value)| (name.clone(), entries(value)))
                .collect(),
            dependencies: listed("dependencies").map(|(name, _)| name.clone()).collect(),
        })
    }

    /// Entries of a feature.
    pub(crate) fn feature(&self, name: &str) -> Option<&[String]> {
        self.features.get(name).map(Vec::as_slice)
    }

    /// All features with their entries.
    pub(crate) fn features(&self) -> impl Iterator<Item = (&String, &[String])> {
        self.features.iter().map(|(name, entries)| (name, entries.as_slice()))
    }

    pub(crate) fn has_dependency(&self, name: &str) -> bool {
        self.dependencies.iter().any(|dependency| dependency == name)
    }

    /// A violation at `key` of the table `[table]`, or at the table's header if the key is missing.
    pub(crate) fn violation(&self, table: &str, key: &str, message: String) -> Violation {
        let line = match line_of(&self.file.text, table, key) {
            1 => header_line(&self.file.text, table),
            line => line,
        };
        Violation::new(self.file, line, Rule::Declaration, message)
    }
}

/// Line of the header `[table]`; the first line if there is none.
pub(crate) fn header_line(text: &str, table: &str) -> usize {
    let header = format!("[{table}]");
    let found = text.lines().position(|line| line.trim() == header);
    found.map_or(1, |line| line + 1)
}
