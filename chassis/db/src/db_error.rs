//! A database error, as the cause of a call failure.

use std::error::Error;
use std::fmt;

use crate::statement::Sql;

/// A database error, as the cause of a call failure.
#[derive(Debug)]
pub struct DbError {
    pub(crate) statement: Option<Sql>,
    pub(crate) constraint: Option<String>,
    pub(crate) cause: sqlx::Error,
}

impl DbError {
    /// Name of the violated constraint; [`violates`](crate::violates) documents the naming.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.statement {
            Some(sql) => write!(f, "the statement at {sql} failed"),
            None => f.write_str("the database request failed"),
        }
    }
}

impl Error for DbError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
