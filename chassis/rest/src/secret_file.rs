//! Secret files: created once with mode 0600, and refused if other users may read them.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a secret file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The file cannot be read or created.
    #[error("the secret file {} cannot be read or created: give this process write access to the folder", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The file has the wrong format.
    #[error("the secret file {} does not contain {wanted}: remove the file, then restart every process that uses it", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The expected content.
        wanted: &'static str,
    },
    /// Users other than the owner may read the file.
    #[error("other users may read the secret file {path}: run `chmod 600 {path}`", path = .0.display())]
    TooOpen(PathBuf),
}

/// Reads `path`, or creates the file with the line from `new`. Processes that start at the same time get the same line.
pub fn read_or_create(path: &Path, new: impl FnOnce() -> String) -> Result<String, SecretFileError> {
    let io = |source| SecretFileError::Io {
        path: path.to_owned(),
        source,
    };
    if !path.exists() {
        create(path, &new()).map_err(io)?;
    }
    read(path)
}

/// Reads `path`. Fails if the file does not exist.
pub fn read(path: &Path) -> Result<String, SecretFileError> {
    let io = |source| SecretFileError::Io {
        path: path.to_owned(),
        source,
    };
    let text = fs::read_to_string(path).map_err(io)?;
    let mode = fs::metadata(path).map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SecretFileError::TooOpen(path.to_owned()));
    }
    Ok(text)
}

/// Writes a draft and hard-links it to `path`: readers never see a partial file, and no process replaces another's
/// file.
fn create(path: &Path, line: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let draft = path.with_extension(format!("new-{:016x}", rand::random::<u64>()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
