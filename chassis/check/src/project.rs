//! A project that is checked: every rule over all its files, less what is allowed where it stands.

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

/// A project's layout and files.
#[derive(Debug)]
pub struct Project {
    pub(crate) layout: Layout,
    pub(crate) files: Vec<File>,
}

impl Project {
    /// Reads a project from its root.
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
        let project = Self::of(layout, files);
        if project.modules().is_empty() {
            return Err(CheckError::NoModules {
                root: root.to_owned(),
                modules: project.layout.modules,
            });
        }
        Ok(project)
    }

    /// A project of these files.
    #[must_use]
    pub fn of(layout: Layout, mut files: Vec<File>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Self { layout, files }
    }

    /// The modules, by their folders' names.
    #[must_use]
    pub fn modules(&self) -> BTreeSet<&str> {
        let paths = self.files.iter().map(|file| file.path.as_str());
        paths.filter_map(|path| self.layout.module_of_code(path)).collect()
    }

    pub(crate) fn is_a_modules(&self, file: &File) -> bool {
        let layout = &self.layout;
        layout.module_of_code(&file.path).is_some() || layout.module_of_migrations(&file.path).is_some()
    }

    /// Everything that breaks a rule, in order of path and line.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let tables = Tables::of(self);
        let manifests = Manifest::of(self);
        let mut found = Vec::new();
        for file in self.files.iter().filter(|file| file.is_rust()) {
            match crate::tokens(file) {
                Ok(tokens) => {
                    found.extend(rules::sql::misplaced(self, file, &tokens));
                    found.extend(rules::tables::in_code(self, file, &tokens, &tables));
                    found.extend(rules::state::kept(self, file));
                }
                Err(unreadable) => found.push(Violation::new(
                    file,
                    unreadable.line,
                    Rule::Unreadable,
                    format!("this is no Rust: {}", unreadable.reason),
                )),
            }
        }
        for file in &self.files {
            found.extend(rules::tables::in_migrations(self, file, &tables));
        }
        found.extend(manifests.unreadable());
        found.extend(rules::dependencies::on_implementations(&manifests));
        found.extend(rules::dependencies::cycles(&manifests));
        let mut found = allow::apply(self, found);
        found.sort();
        found.dedup();
        found
    }
}
