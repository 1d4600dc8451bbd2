//! What a caller is told when the database fails, in one place: kind, whether it may have executed, and words without
//! SQL or secrets. The cause is kept for the log.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind};

use crate::connection::is_lost;
use crate::{Sql, constraint};

/// When to ask again after all connections were in use. About the time of a few transactions.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The cause of a failure that a database gave.
#[derive(Debug)]
pub struct DbError {
    statement: Option<Sql>,
    constraint: Option<String>,
    cause: sqlx::Error,
}

impl DbError {
    /// The constraint that was broken; see [`violates`](crate::violates) for its name.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.statement {
            Some(sql) => write!(f, "the statement at {sql} failed"),
            None => f.write_str("the database failed"),
        }
    }
}

impl Error for DbError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// The failure of a statement, of BEGIN, or of a COMMIT that was refused. The transaction is lost, so nothing of it
/// has been executed; the edge adds what the call did before it.
pub(crate) fn of_statement(module: &str, statement: Option<Sql>, cause: sqlx::Error) -> CallFailure {
    let constraint = cause.as_database_error().and_then(constraint::name);
    let (kind, why) = match &constraint {
        Some(name) => (FailureKind::Internal, format!("the change breaks the rule `{name}`")),
        None => {
            let (kind, why) = judge(&cause);
            (kind, why.to_owned())
        }
    };
    CallFailure::not_executed(kind, format!("{module}: {why}")).caused_by(DbError {
        statement,
        constraint,
        cause,
    })
}

fn judge(error: &sqlx::Error) -> (FailureKind, &'static str) {
    let code = error.as_database_error().and_then(|answer| answer.code());
    if let Some(code) = code {
        // SQLSTATEs have five characters, SQLite's codes fewer.
        return if code.len() == 5 {
            judge_postgres(&code)
        } else {
            judge_sqlite(&code)
        };
    }
    match error {
        error if is_lost(error) => (FailureKind::ConnectionLost, "the connection to the database was lost"),
        sqlx::Error::RowNotFound => (FailureKind::Internal, "a row that must exist does not"),
        _ => (FailureKind::Internal, "the database's answer was not understood"),
    }
}

fn judge_postgres(code: &str) -> (FailureKind, &'static str) {
    use FailureKind::{ConnectionLost, Internal, Overloaded, Timeout, Unavailable};
    match code {
        "40001" | "40P01" => (Unavailable, "the transaction was lost to another one"),
        "55P03" => (Unavailable, "a lock was not free in time"),
        "57014" => (Timeout, "the deadline passed while the database was working"),
        "57P01" | "57P02" | "57P03" => (Unavailable, "the database is stopping or starting"),
        "53100" => (Unavailable, "the database's disk is full: free space on its volume"),
        "53300" => {
            let retry_after = RETRY_AFTER;
            (Overloaded { retry_after }, "the database has no connection left")
        }
        "25006" => (
            Internal,
            "a write outside a transaction, or to a standby of the database",
        ),
        "42501" => (Internal, "the module's role may not do this: run `offshoot db migrate`"),
        "58030" => (Unavailable, "the database cannot read or write its disk"),
        "XX001" | "XX002" => (Internal, "the database is damaged: restore a backup"),
        _ if code.starts_with("08") => (ConnectionLost, "the connection to the database was lost"),
        _ if code.starts_with("23") => (Internal, "the change breaks a rule of the schema"),
        _ => (Internal, "a statement failed"),
    }
}

fn judge_sqlite(code: &str) -> (FailureKind, &'static str) {
    use FailureKind::{Internal, Timeout, Unavailable};
    match primary(code) {
        5 | 6 => (
            Unavailable,
            "another process held the database's file until the deadline",
        ),
        8 => (
            Internal,
            "the database's file is read-only: let this process write to it",
        ),
        9 => (Timeout, "the deadline passed while the database was working"),
        10 => (
            Unavailable,
            "the database's file cannot be read or written: check its disk",
        ),
        11 | 26 => (Internal, "the database's file is damaged: restore a backup"),
        13 => (Unavailable, "the disk of the database's file is full: free space"),
        14 => (Unavailable, "the database's file cannot be opened"),
        19 => (Internal, "the change breaks a rule of the schema"),
        _ => (Internal, "a statement failed"),
    }
}

/// SQLite's primary code: the low byte of the extended one.
fn primary(code: &str) -> u32 {
    code.parse::<u32>().map_or(0, |code| code & 0xff)
}

/// SQLite's primary code of an error, if SQLite gave it.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    (code.len() < 5).then(|| primary(&code))
}

/// Another process holds the lock of the SQLite file.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(sqlite_code(error), Some(5 | 6))
}

/// Whether the database has refused a COMMIT, so that it is certain that nothing was committed.
pub(crate) fn is_refusal(error: &sqlx::Error) -> bool {
    // After a failed write to its disk SQLite may still find the transaction in the log when it is opened again.
    let database = error.as_database_error();
    // 40003: the server itself does not know.
    let knows = database.is_some_and(|error| error.code().as_deref() != Some("40003"));
    knows && !is_lost(error) && sqlite_code(error) != Some(10)
}

/// SQLite finds nothing to commit: it has rolled the transaction back by itself.
pub(crate) fn is_out_of_transaction(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    sqlite_code(error) == Some(1) && database.is_some_and(|error| error.message().contains("no transaction is active"))
}

pub(crate) fn out_of_transaction(module: &str, cause: sqlx::Error) -> CallFailure {
    let why =
        format!("{module}: a native statement ended the transaction, and what followed was written outside of it");
    CallFailure::maybe_executed(FailureKind::Internal, why).caused_by(DbError {
        statement: None,
        constraint: None,
        cause,
    })
}

pub(crate) fn lost_in_commit(module: &str, cause: sqlx::Error) -> CallFailure {
    let why = format!("{module}: the connection was lost while the change was being committed");
    CallFailure::maybe_executed(FailureKind::ConnectionLost, why).caused_by(DbError {
        statement: None,
        constraint: None,
        cause,
    })
}

pub(crate) fn silent_in_commit(module: &str) -> CallFailure {
    let why = format!("{module}: the database did not answer while the change was being committed");
    CallFailure::maybe_executed(FailureKind::Timeout, why)
}

pub(crate) fn deadline_passed(module: &str) -> CallFailure {
    let why = format!("{module}: the deadline passed before the database had answered");
    CallFailure::not_executed(FailureKind::Timeout, why)
}

pub(crate) fn all_in_use(module: &str, connections: u32) -> CallFailure {
    let retry_after = RETRY_AFTER;
    let why = match connections {
        1 => format!("{module}: the database's one writer was in use until the deadline"),
        n => format!("{module}: all {n} connections to the database were in use until the deadline"),
    };
    CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why)
}

pub(crate) fn closed(module: &str) -> CallFailure {
    CallFailure::not_executed(
        FailureKind::Unavailable,
        format!("{module}: the database is closed here"),
    )
}

pub(crate) fn no_connection(module: &str, cause: sqlx::Error) -> CallFailure {
    let kind = match judge(&cause).0 {
        kind @ FailureKind::Overloaded { .. } => kind,
        _ => FailureKind::Unavailable,
    };
    CallFailure::not_executed(kind, format!("{module}: no connection to the database")).caused_by(DbError {
        statement: None,
        constraint: None,
        cause,
    })
}

pub(crate) fn connecting_too_slow(module: &str) -> CallFailure {
    let why = format!("{module}: no connection to the database until the deadline");
    CallFailure::not_executed(FailureKind::Unavailable, why)
}
