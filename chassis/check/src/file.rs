//! A project's files as data, so that a rule is a function of them and can be shown to fail on planted ones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Kinds of files that rules read.
const KINDS: [&str; 3] = ["rs", "toml", "sql"];
/// What cargo builds is nobody's source.
const BUILT: &str = "target";

/// Why a project cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The root has no modules.
    #[error(
        "{} has no folder `{modules}` with modules in it: name the project's root with --root, or its modules' folder in {}",
        .root.display(),
        crate::SETTINGS
    )]
    NoModules {
        /// Where they were looked for.
        root: PathBuf,
        /// The folder.
        modules: String,
    },
    /// The settings are not understood.
    #[error("{} is not understood: {reason}", crate::SETTINGS)]
    Settings {
        /// Why.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A text file of a project.
#[derive(Debug, Clone)]
pub struct File {
    /// From the project's root, with `/` between folders.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl File {
    /// A file with this text.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether it is Rust.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The folder's name behind `parent`: `depot` of `modules/depot/src/lib.rs` behind `modules/`.
    #[must_use]
    pub fn behind(&self, parent: &str) -> Option<&str> {
        self.path.strip_prefix(parent)?.split('/').next()
    }
}

/// Adds the files of a folder, which need not be there. A link to a folder is not followed: it may lead back.
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
        // A name that is no UTF-8 is none of Rust's or SQL's.
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let from_root = format!("{folder}/{name}");
        let kind = entry.file_type().map_err(failed(&entry.path()))?;
        if kind.is_dir() && name != BUILT && !name.starts_with('.') {
            collect(root, &from_root, into)?;
        } else if !kind.is_dir() && KINDS.contains(&name.rsplit('.').next().unwrap_or_default()) {
            let bytes = fs::read(entry.path()).map_err(failed(&entry.path()))?;
            into.push(File::new(&from_root, &String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(())
}
