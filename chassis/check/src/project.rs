//! Checks a project: applies every rule to all files, then removes allowed violations.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::file::{CheckError, File, collect};
use crate::layout::{Layout, SETTINGS};
use crate::manifest::Manifest;
use crate::tables::Tables;
use crate::violation::{Rule, Violation};
use crate::{allow, rules};

/// Layout and files of a project.
#[derive(Debug)]
pub struct Project {
    pub(crate) layout: Layout,
    pub(crate) files: Vec<File>,
}

impl Project {
    /// Reads the project at `root`. Fails if there are no modules, or if a file cannot be read.
    pub fn read(root: &Path) -> Result<Self, CheckError> {
        let settings = root.join(SETTINGS);
        let layout = match fs::read_to_string(&settings) {
            Err(error) if error.kind() == ErrorKind::NotFound => Layout::default(),
            Err(source) => return Err(CheckError::Io { path: settings, source }),
            Ok(text) => Layout::parse(&text)?,
        };
        let mut files = Vec::new();
        for folder in layout.folders() {
            collect(root, folder, &mut files)?;
        }
        let project = Self::from_files(layout, files);
        if project.modules().is_empty() {
            return Err(CheckError::NoModules {
                root: root.to_owned(),
                modules: project.layout.modules,
            });
        }
        Ok(project)
    }

    /// Creates a project from files in memory.
    #[must_use]
    pub fn from_files(layout: Layout, mut files: Vec<File>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Self { layout, files }
    }

    /// Module names, taken from their folders.
    #[must_use]
    pub fn modules(&self) -> BTreeSet<&str> {
        let paths = self.files.iter().map(|file| file.path.as_str());
        paths.filter_map(|path| self.layout.module_of_code(path)).collect()
    }

    pub(crate) fn belongs_to_module(&self, file: &File) -> bool {
        let layout = &self.layout;
        layout.module_of_code(&file.path).is_some() || layout.module_of_migrations(&file.path).is_some()
    }

    /// All violations, ordered by path and line.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let tables = Tables::from_project(self);
        let manifests = Manifest::read_all(self);
        let mut found = Vec::new();
        for file in self.files.iter().filter(|file| file.is_rust()) {
            match crate::tokenize(file) {
                Ok(tokens) => {
                    found.extend(rules::sql::find_misplaced(self, file, &tokens));
                    found.extend(rules::tables::find_in_code(self, file, &tokens, &tables));
                    found.extend(rules::state::find_kept_state(self, file));
                }
                Err(error) => found.push(Violation::new(
                    file,
                    error.line,
                    Rule::Unreadable,
                    format!("not valid Rust: {}", error.reason),
                )),
            }
        }
        for file in &self.files {
            found.extend(rules::tables::find_in_migrations(self, file, &tables));
        }
        found.extend(manifests.unreadable());
        found.extend(rules::dependencies::find_implementation_dependencies(&manifests));
        found.extend(rules::dependencies::find_cycles(&manifests));
        let mut found = allow::apply_allowances(self, found);
        found.sort();
        found.dedup();
        found
    }
}
