//! Files that hold a secret: made once, with mode 0600, and refused where others may read them.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why such a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read or made.
    #[error("the secret file {} cannot be read or made: its folder must be one that this process can write", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not hold what it should.
    #[error("the secret file {} does not hold {wanted}: remove it to have a new one made, then restart every process that uses it", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// Others than its owner may read it.
    #[error("the secret file {} may be read by others than its owner: `chmod 600` it", .0.display())]
    TooOpen(PathBuf),
}

/// Reads the text of `path`, or writes the line that `new` makes there. Two processes that start at once get the same.
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

/// Reads the text of `path`, which has to be there.
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

/// Writes it beside its place and links it there, so that nobody ever reads half of it or replaces another's.
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
