//! Why a database cannot be opened or migrated: what it is, what is wrong with it, and what to do.

use std::path::{Path, PathBuf};

use crate::failure::sqlite_code;

/// Why a database cannot be opened or migrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum OpenError {
    #[error("a database URL cannot start with `{scheme}:`; use sqlite:<directory> or postgres://user@host/database")]
    BadUrl { scheme: String },
    #[error("the Postgres URL is malformed; it has the form postgres://user:password@host:5432/database")]
    BadPostgresUrl {
        #[source]
        cause: sqlx::Error,
    },
    #[error("`{name}` cannot name a module's data: use 1 to 40 of a-z, 0-9 and _, starting with a letter")]
    BadModuleName { name: String },

    #[error("the directory {path} cannot be created: make one that this process can write to, or set another")]
    Directory {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{path} is not a SQLite database, or is damaged: move it away and restore a backup in its place")]
    NotADatabase {
        path: PathBuf,
        #[source]
        cause: sqlx::Error,
    },
    #[error("{path} is read-only: let this process write to the file and to its directory")]
    ReadOnly {
        path: PathBuf,
        #[source]
        cause: sqlx::Error,
    },
    #[error("{path} cannot be opened: check that it is a file and that this process can write to it and its directory")]
    CannotOpen {
        path: PathBuf,
        #[source]
        cause: sqlx::Error,
    },
    #[error("{path} is held by another process; waited {seconds} s: end what migrates or copies it, then try again")]
    Locked {
        path: PathBuf,
        seconds: u64,
        #[source]
        cause: sqlx::Error,
    },
    #[error("the disk that holds {path} is full: free space on it, then try again")]
    DiskFull {
        path: PathBuf,
        #[source]
        cause: sqlx::Error,
    },

    #[error("{module}: no connection to Postgres at {address}: check that it runs there and takes this login")]
    NoConnection {
        module: &'static str,
        address: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(
        "{module}: the login may not act as the role `{module}` at {address}: \
         run `GRANT {module} TO {login}` there, with the login that migrates"
    )]
    RoleRefused {
        module: &'static str,
        address: String,
        login: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(
        "{module}: the login `{login}` at {address} {cannot}: run `{remedy}` there as a login that may, \
         or let one that may run `offshoot db provision`"
    )]
    LacksRight {
        module: &'static str,
        address: String,
        login: String,
        cannot: &'static str,
        remedy: String,
    },
    #[error(
        "{module}: the role `{role}` at {address} is there already and {powers}: a module's role may not; \
         take that from it, or use another server"
    )]
    MightyRole {
        module: &'static str,
        address: String,
        role: String,
        powers: String,
    },
    #[error(
        "{module}: the schema `{module}` at {address} belongs to `{owner}`, not to `{ours}`: \
         use another database, or give it to `{ours}` with everything in it"
    )]
    ForeignSchema {
        module: &'static str,
        address: String,
        owner: String,
        ours: String,
    },
    #[error(
        "{module}: isolation is required, and the login `{login}` at {address} {breaches}: \
         run `offshoot db provision --logins` and log in as `{module}`"
    )]
    NotIsolated {
        module: &'static str,
        address: String,
        login: String,
        breaches: String,
    },
    #[error(
        "the process may open {wanted} connections to {address}, which allows {allowed}: \
         lower the budget of connections or raise max_connections"
    )]
    BudgetTooLarge { address: String, wanted: i64, allowed: i64 },
    #[error(
        "{module}: the schema at {address} is not up to date ({lacks}): run `offshoot db migrate --database {url}`"
    )]
    NotMigrated {
        module: &'static str,
        address: String,
        lacks: String,
        url: String,
    },

    #[error("the migration {set} {name} must start with the line `-- offshoot: expand` or `-- offshoot: contract`")]
    NoKind { set: String, name: String },
    #[error("the migration {set} {name} has version {version}, which is not above the one before it: renumber it")]
    Unordered { set: String, name: String, version: u32 },
    #[error(
        "the migration {set} {name} was changed after it was applied to {place}: \
         restore its text and write the change as a new migration"
    )]
    Changed { set: String, name: String, place: String },
    #[error(
        "{place} has the migration {set} {name}, which this binary does not know and which removes what it may use: \
         run a binary that knows it"
    )]
    UnknownContract { set: String, name: String, place: String },
    #[error(
        "the migration {set} {name} failed on {place} and left nothing behind: correct its text or the data, then try again"
    )]
    MigrationFailed {
        set: String,
        name: String,
        place: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(
        "{module}: another process has been migrating {place} for {seconds} s: wait for it or end it, then try again"
    )]
    MigratorBusy {
        module: &'static str,
        place: String,
        seconds: u64,
        #[source]
        cause: sqlx::Error,
    },
    #[error("{module}: tables.toml is malformed: {reason}")]
    BadTables { module: &'static str, reason: String },
    #[error("{what} failed")]
    Failed {
        what: String,
        #[source]
        cause: sqlx::Error,
    },
}

impl OpenError {
    /// Names what is wrong with a module's file.
    pub(crate) fn of_file(path: &Path, waited: std::time::Duration, cause: sqlx::Error) -> Self {
        let path = path.to_owned();
        match sqlite_code(&cause) {
            Some(5 | 6) => Self::Locked {
                path,
                seconds: waited.as_secs(),
                cause,
            },
            Some(8) => Self::ReadOnly { path, cause },
            Some(11 | 26) => Self::NotADatabase { path, cause },
            Some(13) => Self::DiskFull { path, cause },
            _ => Self::CannotOpen { path, cause },
        }
    }
}
