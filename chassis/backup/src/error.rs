//! Errors of backup, verify and restore. Each text names the object, the cause and the next command.

use std::io;
use std::path::{Path, PathBuf};

use offshoot_contract::CallFailure;
use offshoot_db::OpenError;
use offshoot_outbox::SubscriptionError;

/// Why a backup, verification or restore failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the error texts document the variants")]
pub enum BackupError {
    #[error("{path} is not empty: name a directory that does not exist yet, one for each backup")]
    NotEmpty { path: PathBuf },
    #[error("{path} cannot be written")]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the disk that holds {path} is full: free space there or name another directory, then try again")]
    DiskFull { path: PathBuf },
    #[error(
        "{path} needs {needed} bytes and its disk has {free} free: free space there or name another directory, then try again"
    )]
    InsufficientSpace { path: PathBuf, needed: u64, free: u64 },
    #[error("{path} cannot be read")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error(
        "{path} has no manifest.json: the backup is incomplete, or the directory is not a backup; \
         do not use its files, create another backup with `offshoot backup create`"
    )]
    NoManifest { path: PathBuf },
    #[error("{path} is damaged: {reason}; use another backup")]
    Damaged { path: PathBuf, reason: String },
    #[error("{path} has format {found}, but this binary reads format {known}: use the binary that created the backup")]
    UnsupportedFormat { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{module} has no data in {location}: \
         start the store there first, or select the modules that have data with --module"
    )]
    NoData { module: String, location: String },
    #[error("the backup does not contain {module}: it contains {available}")]
    NotInBackup { module: String, available: String },
    #[error(
        "{modules} cannot be restored here: this configuration hosts no such data; select other modules with --module"
    )]
    NotHostedHere { modules: String },
    #[error(
        "the backup of {module} was taken on {from}, but its data lives on {to} here: \
         restore a backup to the same engine, set `modules.{module}.database` to a {from} database"
    )]
    EngineMismatch { module: String, from: String, to: String },
    #[error(
        "the backup of {module} has the migration {migration}, which this binary {how}: \
         use the binary that created the backup ({version})"
    )]
    UnknownMigration {
        module: String,
        migration: String,
        how: &'static str,
        version: String,
    },
    #[error(
        "{module} is in use at {location} by {user}: \
         stop every process of the store that uses the module, then try again"
    )]
    InUse {
        module: String,
        location: String,
        user: String,
    },
    #[error(
        "{module} has data in {location}: pass --replace to move the data aside, where it can be restored from; \
         without --replace a backup is restored only into an empty target"
    )]
    TargetNotEmpty { module: String, location: String },
    #[error("{module}: {operation} failed at {location}")]
    Database {
        module: String,
        operation: String,
        location: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Call(#[from] CallFailure),
    #[error(transparent)]
    Events(#[from] SubscriptionError),
}

impl BackupError {
    /// Error of writing `path`. A full disk becomes [`Self::DiskFull`].
    pub(crate) fn write(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path }
            }
            _ => Self::Write { path, cause },
        }
    }

    /// Error of reading `path`.
    pub(crate) fn read(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        Self::Read { path, cause }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Data that was not replaced.
pub(crate) struct Unreplaced {
    pub(crate) error: BackupError,
    /// Whether the former data is in its place again.
    pub(crate) is_undone: bool,
}

impl Unreplaced {
    /// An error before the first change.
    pub(crate) fn unchanged(error: BackupError) -> Self {
        let is_undone = true;
        Self { error, is_undone }
    }
}
