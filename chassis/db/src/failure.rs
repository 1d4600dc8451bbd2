//! Maps database errors to call failures: kind, whether the call may have executed, and a public message.
//!
//! Messages contain no SQL and no secrets. The cause is kept for the log.

use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind};

use crate::constraint;
use crate::db_error::DbError;
use crate::error_code::{is_connection_lost, primary_code};
use crate::statement::{Engine, Sql};

/// `Retry-After` of a call that found all connections in use. About the time of a few transactions.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The failure of a statement, of BEGIN, or of a rejected COMMIT. The transaction is lost, so none of its statements
/// has taken effect. The edge adds the effects that the call had before this transaction.
pub(crate) fn from_statement_error(module: &str, statement: Option<Sql>, cause: sqlx::Error) -> CallFailure {
    let constraint = cause.as_database_error().and_then(constraint::violated_name);
    let (kind, why) = match &constraint {
        Some(name) => (
            FailureKind::Internal,
            format!("the change violates the constraint `{name}`"),
        ),
        None => {
            let (kind, why) = classify(&cause);
            (kind, why.to_owned())
        }
    };
    CallFailure::not_executed(kind, format!("{module}: {why}")).caused_by(DbError {
        statement,
        constraint,
        cause,
    })
}

fn classify(error: &sqlx::Error) -> (FailureKind, &'static str) {
    let code = error.as_database_error().and_then(|error| error.code());
    if let Some(code) = code {
        // SQLSTATEs have five characters, SQLite's codes fewer.
        return if code.len() == 5 {
            classify_postgres(&code)
        } else {
            classify_sqlite(&code)
        };
    }
    match error {
        error if is_connection_lost(error) => (FailureKind::ConnectionLost, "the connection to the database was lost"),
        sqlx::Error::RowNotFound => (FailureKind::Internal, "a query returned no row where one is required"),
        _ => (FailureKind::Internal, "the database's response could not be decoded"),
    }
}

fn classify_postgres(code: &str) -> (FailureKind, &'static str) {
    use FailureKind::{ConnectionLost, Internal, Overloaded, Timeout, Unavailable};
    match code {
        "40001" | "40P01" => (Unavailable, "the transaction lost a conflict with another transaction"),
        "55P03" => (Unavailable, "a lock could not be acquired in time"),
        "57014" => (Timeout, "the deadline passed while the database was working"),
        "57P01" | "57P02" | "57P03" => (Unavailable, "the database is shutting down or starting"),
        "53100" => (Unavailable, "the database's disk is full: free space on its volume"),
        "53300" => {
            let retry_after = RETRY_AFTER;
            (Overloaded { retry_after }, "the database has no connection left")
        }
        "25006" => (Internal, "a write outside a transaction, or to a standby server"),
        "42501" => (
            Internal,
            "the module's role lacks a privilege: run `offshoot db migrate`",
        ),
        "58030" => (
            Unavailable,
            "the database cannot read or write its disk: check the server's disk",
        ),
        "XX001" | "XX002" => (Internal, "the database is corrupted: restore a backup"),
        _ if code.starts_with("08") => (ConnectionLost, "the connection to the database was lost"),
        _ if code.starts_with("23") => (Internal, "the change violates a constraint of the schema"),
        _ => (Internal, "a statement failed"),
    }
}

fn classify_sqlite(code: &str) -> (FailureKind, &'static str) {
    use FailureKind::{Internal, Timeout, Unavailable};
    match primary_code(code) {
        5 | 6 => (
            Unavailable,
            "another process held the lock of the database file until the deadline",
        ),
        8 => (
            Internal,
            "the database file is read-only: give this process write access to the file",
        ),
        9 => (Timeout, "the deadline passed while the database was working"),
        10 => (
            Unavailable,
            "the database file cannot be read or written: check its disk",
        ),
        11 | 26 => (Internal, "the database file is corrupted: restore a backup"),
        13 => (Unavailable, "the disk of the database file is full: free space"),
        14 => (
            Unavailable,
            "the database file cannot be opened: check that this process may read and write the file",
        ),
        19 => (Internal, "the change violates a constraint of the schema"),
        _ => (Internal, "a statement failed"),
    }
}

pub(crate) fn wrote_outside_transaction(module: &str, cause: sqlx::Error) -> CallFailure {
    let why = format!("{module}: a native statement ended the transaction; later statements were written outside it");
    CallFailure::maybe_executed(FailureKind::Internal, why).caused_by(DbError {
        statement: None,
        constraint: None,
        cause,
    })
}

/// Failure of a COMMIT whose response was lost with the connection.
pub(crate) fn connection_lost_in_commit(module: &str, cause: sqlx::Error) -> CallFailure {
    let why = format!("{module}: the connection was lost during COMMIT");
    CallFailure::maybe_executed(FailureKind::ConnectionLost, why).caused_by(DbError {
        statement: None,
        constraint: None,
        cause,
    })
}

pub(crate) fn no_reply_to_commit(module: &str) -> CallFailure {
    let why = format!("{module}: the database did not respond to COMMIT");
    CallFailure::maybe_executed(FailureKind::Timeout, why)
}

pub(crate) fn deadline_passed(module: &str) -> CallFailure {
    let why = format!("{module}: the deadline passed before the database responded");
    CallFailure::not_executed(FailureKind::Timeout, why)
}

/// Failure of a call that got no connection by its deadline, from a pool with so many connections for calls.
pub(crate) fn pool_exhausted(module: &str, engine: Engine, connections: u32) -> CallFailure {
    let retry_after = RETRY_AFTER;
    let why = match (engine, connections) {
        (Engine::Sqlite, 1) => format!("{module}: the only writer connection was in use until the deadline"),
        (_, 1) => format!("{module}: the only connection to the database for calls was in use until the deadline"),
        (_, n) => format!("{module}: all {n} connections to the database were in use until the deadline"),
    };
    CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why)
}

/// Failure of a call that got none of the connections that the server gives, by its deadline.
pub(crate) fn connections_refused(module: &str, granted: u32) -> CallFailure {
    let retry_after = RETRY_AFTER;
    let why = format!(
        "{module}: the database has no connection left beyond the {granted} of this process, \
         which were in use until the deadline"
    );
    CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why)
}

pub(crate) fn pool_closed(module: &str) -> CallFailure {
    CallFailure::not_executed(
        FailureKind::Unavailable,
        format!("{module}: this process has closed the database"),
    )
}

pub(crate) fn cannot_connect(module: &str, cause: sqlx::Error) -> CallFailure {
    let kind = match classify(&cause).0 {
        kind @ FailureKind::Overloaded { .. } => kind,
        _ => FailureKind::Unavailable,
    };
    CallFailure::not_executed(kind, format!("{module}: cannot connect to the database")).caused_by(DbError {
        statement: None,
        constraint: None,
        cause,
    })
}

pub(crate) fn connect_timed_out(module: &str) -> CallFailure {
    let why = format!("{module}: cannot connect to the database before the deadline");
    CallFailure::not_executed(FailureKind::Unavailable, why)
}
