//! Errors of opening or migrating a database. Each message names the object, the reason and the remedy.

use std::path::{Path, PathBuf};

use crate::error_code::sqlite_code;

/// A database cannot be opened, migrated or provisioned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum OpenError {
    #[error(
        "`{scheme}:` is not a valid scheme of a database URL: use sqlite:<directory> or postgres://user@host/database"
    )]
    InvalidUrl { scheme: String },
    #[error("the Postgres URL is not valid: use the form postgres://user:password@host:5432/database")]
    InvalidPostgresUrl {
        #[source]
        cause: sqlx::Error,
    },
    #[error("`{name}` is not a known parameter of a Postgres URL, and would have no effect: correct or remove it")]
    UnknownUrlParameter { name: String },
    #[error("the parameter `{name}` of the Postgres URL must be the path of a PEM file, not its text")]
    NotAFile { name: String },
    #[error("a client certificate for Postgres needs two files: give both `sslcert` and `sslkey`, or none")]
    ClientCertificate,
    #[error(
        "`sslmode=verify-ca` without an authority verifies nothing: name the PEM file of the authority that signed the \
         server's certificate with `sslrootcert`, or write `sslmode=verify-full`"
    )]
    NoAuthority,
    #[error(
        "the mode `verify-ca`, or `require` with `sslrootcert`, would also accept any certificate of the public authorities \
         that this machine trusts: write `sslmode=verify-full`, or start the process with SSL_CERT_FILE={named} and \
         without SSL_CERT_DIR, so that this authority alone is trusted"
    )]
    ManyAuthorities { named: String },
    #[error(
        "`sslmode={mode}` would send passwords and data to {host}, another machine, in plain text: write \
         `sslmode=verify-full`, with `sslrootcert=FILE` for an authority of your own, or state in \
         `postgres.allow_plain_text` why plain text is safe there"
    )]
    PlainText { host: String, mode: &'static str },
    #[error("`{name}` is not a valid module name: use 1 to 40 of a-z, 0-9 and _, starting with a letter")]
    InvalidModuleName { name: String },

    #[error(
        "cannot create the directory {path}: create a directory that this process can write to, or set another one"
    )]
    Directory {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{path} is not a SQLite database, or is corrupted: move it away and restore a backup in its place")]
    NotADatabase {
        path: PathBuf,
        #[source]
        cause: sqlx::Error,
    },
    #[error("{path} is read-only: give this process write access to the file and to its directory")]
    ReadOnly {
        path: PathBuf,
        #[source]
        cause: sqlx::Error,
    },
    #[error("cannot open {path}: check that it is a file and that this process can write to it and its directory")]
    CannotOpen {
        path: PathBuf,
        #[source]
        cause: sqlx::Error,
    },
    #[error(
        "{path} has been locked by another process for {seconds} s: end the process that migrates or copies it, then try again"
    )]
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

    #[error("{module}: a restore into {location} has not ended, so a part of the data may be missing: run `{command}`")]
    HalfRestored {
        module: &'static str,
        location: String,
        command: String,
    },
    #[error("cannot read {path}, the mark of a restore that has not ended: give this process access to the file")]
    UnreadableMark {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },

    #[error(
        "{module}: cannot connect to Postgres at {address}: check that the server runs there and accepts this login"
    )]
    CannotConnect {
        module: &'static str,
        address: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(
        "{module}: the login may not act as the role `{module}` at {address}: \
         run `GRANT {module} TO {login}` there, with the login that migrates"
    )]
    RoleDenied {
        module: &'static str,
        address: String,
        login: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(
        "{module}: the login `{login}` at {address} {problem}: run `{remedy}` there as an administrator, \
         or run `offshoot db provision` as one"
    )]
    MissingPrivilege {
        module: &'static str,
        address: String,
        login: String,
        problem: &'static str,
        remedy: String,
    },
    #[error(
        "{module}: the role `{role}` at {address} exists already and {privileges}, which a module's role must not: \
         revoke that from the role, or use another server"
    )]
    OverprivilegedRole {
        module: &'static str,
        address: String,
        role: String,
        privileges: String,
    },
    #[error(
        "{module}: the schema `{module}` at {address} belongs to `{owner}`, not to `{expected_owner}`: \
         use another database, or change the owner of the schema and its objects to `{expected_owner}`"
    )]
    ForeignSchema {
        module: &'static str,
        address: String,
        owner: String,
        expected_owner: String,
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
         lower the connection budget or raise max_connections"
    )]
    BudgetTooLarge { address: String, wanted: u32, allowed: u32 },
    #[error(
        "{module}: the schema at {address} is not up to date ({missing}): run `offshoot db migrate --database {url}`"
    )]
    NotMigrated {
        module: &'static str,
        address: String,
        missing: String,
        url: String,
    },

    #[error("the migration {set} {name} must start with the line `-- offshoot: expand` or `-- offshoot: contract`")]
    MissingMigrationKind { set: String, name: String },
    #[error(
        "the migration {set} {name} has version {version}, which is not above the previous version: renumber the migration"
    )]
    MigrationsOutOfOrder { set: String, name: String, version: u32 },
    #[error(
        "the migration {set} {name} was changed after it was applied to {location}: \
         restore its text and write the change as a new migration"
    )]
    MigrationChanged {
        set: String,
        name: String,
        location: String,
    },
    #[error(
        "{location} has the contract migration {set} {name}, which this binary does not know: \
         run a binary that has this migration"
    )]
    UnknownContractMigration {
        set: String,
        name: String,
        location: String,
    },
    #[error(
        "the migration {set} {name} failed on {location} and was rolled back: correct its text or the data, then try again"
    )]
    MigrationFailed {
        set: String,
        name: String,
        location: String,
        #[source]
        cause: sqlx::Error,
    },
    #[error(
        "the migration {migration} got no lock on a table of {location} within {seconds} s, because of {holders}: \
         end these sessions, or choose a quieter time, then try again"
    )]
    MigrationBlocked {
        migration: String,
        location: String,
        seconds: u64,
        holders: String,
    },
    #[error(
        "{module}: another process has been migrating {location} for {seconds} s: wait for that process or end it, then try again"
    )]
    MigrationLockTimeout {
        module: &'static str,
        location: String,
        seconds: u64,
        #[source]
        cause: sqlx::Error,
    },
    #[error("{module}: tables.toml is not valid: {reason}")]
    InvalidTablesFile { module: &'static str, reason: String },
    #[error("{operation} failed")]
    Failed {
        operation: String,
        #[source]
        cause: sqlx::Error,
    },
}

impl OpenError {
    /// Converts an error of a module's SQLite file.
    pub(crate) fn from_file_error(path: &Path, waited: std::time::Duration, cause: sqlx::Error) -> Self {
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
