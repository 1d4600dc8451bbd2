//! Source files of a project as values: rules are pure functions of files, so tests can check planted files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::layout::SETTINGS;

/// Extensions of the files that rules read.
const EXTENSIONS: [&str; 3] = ["rs", "toml", "sql"];
/// Folder of cargo's build output, which is not source.
const BUILD_FOLDER: &str = "target";

/// Why a project cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The root has no modules.
    #[error(
        "{} has no modules in the folder `{modules}`: name the project's root with --root, or set `modules` in {}",
        .root.display(),
        SETTINGS
    )]
    NoModules {
        /// Root of the project.
        root: PathBuf,
        /// Folder that should contain the modules.
        modules: String,
    },
    /// The settings file is invalid.
    #[error("{} is not a valid settings file: {reason}", SETTINGS)]
    Settings {
        /// Error of the parser.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// A text file of a project.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the project's root, with `/` between folders.
    pub path: String,
    /// Content.
    pub text: String,
}

impl File {
    /// Creates a file with this path and text.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether the file is a Rust source file.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Name of the folder directly below `parent`: `depot` for `modules/depot/src/lib.rs` below `modules/`.
    #[must_use]
    pub fn folder_below(&self, parent: &str) -> Option<&str> {
        self.path.strip_prefix(parent)?.split('/').next()
    }
}

/// Adds the files of a folder, if the folder exists. Symbolic links to folders are not followed, since they may be
/// cyclic.
pub(crate) fn collect(root: &Path, folder: &str, into: &mut Vec<File>) -> Result<(), CheckError> {
    let path = root.join(folder);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CheckError::Io { path, source }
    };
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed(&path))?,
    };
    for entry in entries {
        let entry = entry.map_err(failed(&path))?;
        // Rust and SQL file names are UTF-8.
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let from_root = format!("{folder}/{name}");
        let kind = entry.file_type().map_err(failed(&entry.path()))?;
        if kind.is_dir() && name != BUILD_FOLDER && !name.starts_with('.') {
            collect(root, &from_root, into)?;
        } else if !kind.is_dir() && EXTENSIONS.contains(&name.rsplit('.').next().unwrap_or_default()) {
            let bytes = fs::read(entry.path()).map_err(failed(&entry.path()))?;
            into.push(File::new(&from_root, &String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(())
}

/// Adds the manifest and the sources of the crate in the project's root.
pub(crate) fn collect_root_crate(root: &Path, into: &mut Vec<File>) -> Result<(), CheckError> {
    let path = root.join("Cargo.toml");
    let bytes = fs::read(&path).map_err(|source| CheckError::Io { path, source })?;
    into.push(File::new("Cargo.toml", &String::from_utf8_lossy(&bytes)));
    collect(root, "src", into)
}
