//! A project as the rules see it: layout and files.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::file::{CheckError, File, collect, collect_root_crate};
use crate::layout::{Layout, SETTINGS};

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
            Ok(text) => Layout::parse(&text).map_err(|cause| CheckError::Settings {
                reason: cause.message().to_owned(),
            })?,
        };
        let mut files = Vec::new();
        for folder in layout.folders() {
            collect(root, folder, &mut files)?;
        }
        if root.join(&layout.declarations).is_file() {
            match layout.application() {
                "" => collect_root_crate(root, &mut files)?,
                folder => collect(root, folder, &mut files)?,
            }
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
}
