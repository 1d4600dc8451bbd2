//! Meaning of database errors: SQLSTATEs of Postgres and result codes of SQLite.

/// Whether the connection is unusable and the last request got no response.
pub(crate) fn is_connection_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Administrator shutdown, crash, startup, idle-in-transaction timeout, and the class of connection errors.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(code.as_ref(), "57P01" | "57P02" | "57P03" | "25P03")
                || (code.len() == 5 && code.starts_with("08"))
        }),
        _ => false,
    }
}

/// Whether the server has no connection left for this login: `max_connections`, slots reserved for others, or the limit of
/// the role or the database.
pub(crate) fn is_server_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("53300")
}

/// SQLite's primary result code: the low byte of the extended code.
pub(crate) fn primary_code(code: &str) -> u32 {
    code.parse::<u32>().map_or(0, |code| code & 0xff)
}

/// SQLite's primary result code of an error; none for other errors.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    (code.len() < 5).then(|| primary_code(&code))
}

/// Whether another process holds the lock of the SQLite file.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(sqlite_code(error), Some(5 | 6))
}

/// Whether Postgres gave up waiting for a lock, after `lock_timeout`.
pub(crate) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("55P03")
}

/// Whether the error of a COMMIT proves that nothing was committed.
pub(crate) fn is_certainly_not_committed(error: &sqlx::Error) -> bool {
    // After a failed disk write SQLite may still find the transaction in the WAL when the file is opened again.
    let database = error.as_database_error();
    // 40003: the server itself does not know whether the transaction was committed.
    let knows = database.is_some_and(|error| error.code().as_deref() != Some("40003"));
    knows && !is_connection_lost(error) && sqlite_code(error) != Some(10)
}

/// Whether SQLite has no transaction to end, because SQLite rolled the transaction back by itself.
pub(crate) fn has_no_active_transaction(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    sqlite_code(error) == Some(1) && database.is_some_and(|error| error.message().contains("no transaction is active"))
}
