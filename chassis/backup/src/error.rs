//! Why a backup is not made or not restored: what it is, what is wrong with it, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use offshoot_contract::CallFailure;
use offshoot_db::OpenError;
use offshoot_outbox::EventsFailure;

/// Why a backup is not made or not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
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
    NoRoom { path: PathBuf, needed: u64, free: u64 },
    #[error("{path} cannot be read")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error(
        "{path} has no manifest.json: the backup was broken off, or this is none; \
         nothing in it can be relied on, make another with `offshoot backup create`"
    )]
    NoManifest { path: PathBuf },
    #[error("{path} is damaged: {what}; take another backup")]
    Damaged { path: PathBuf, what: String },
    #[error("{path} is of format {found} and this binary reads format {known}: use the binary that made it")]
    OtherFormat { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{module} has no data in {place}: start the store there first, or name the modules that have with --module"
    )]
    NoData { module: String, place: String },
    #[error("the backup has nothing of {module}: it has {has}")]
    NotInBackup { module: String, has: String },
    #[error(
        "{modules} cannot be restored here, since this configuration keeps no data of it: name others with --module"
    )]
    NotHere { modules: String },
    #[error(
        "the backup of {module} comes from {from} and its data lives on {to} here: \
         a backup goes back to the engine it was taken from, set `modules.{module}.database` to one"
    )]
    OtherEngine { module: String, from: String, to: String },
    #[error(
        "the backup of {module} has the migration {migration}, which this binary {how}: use the binary that made it ({version})"
    )]
    UnknownMigration {
        module: String,
        migration: String,
        how: &'static str,
        version: String,
    },
    #[error(
        "{module} is worked on at {place} by {who}: stop every process of the store that works on it, then try again"
    )]
    InUse { module: String, place: String, who: String },
    #[error(
        "{module} has data in {place}: --replace moves it aside, and it can be put back; \
         without it a backup goes into an empty place only"
    )]
    HasData { module: String, place: String },
    #[error("{module}: {what} failed at {place}")]
    Database {
        module: String,
        what: String,
        place: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Call(#[from] CallFailure),
    #[error(transparent)]
    Events(#[from] EventsFailure),
}

impl BackupError {
    /// A file could not be written.
    pub(crate) fn write(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path }
            }
            _ => Self::Write { path, cause },
        }
    }

    /// A file could not be read.
    pub(crate) fn read(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        Self::Read { path, cause }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}
