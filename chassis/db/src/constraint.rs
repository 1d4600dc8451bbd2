//! Names of violated constraints, the same on both engines.

use std::error::Error;

use sqlx::error::DatabaseError;

use offshoot_contract::CallFailure;

use crate::db_error::DbError;

/// SQLite's codes of a primary key violation, in tables with and without a rowid.
const SQLITE_PRIMARY_KEYS: [&str; 2] = ["1555", "2579"];

/// Whether `failure` was caused by a violation of the named constraint.
///
/// Names follow Postgres: a unique constraint is `<table>_<columns>_key`, a primary key `<table>_pkey`; a unique index
/// must be given such a name too. SQLite reports the columns of a violated unique constraint, from which the name is
/// derived. A check must be named in the schema. **A foreign key has no name on SQLite**, which reports only that some
/// foreign key was violated: look the parent row up instead. Neither engine names a NOT NULL constraint.
#[must_use]
pub fn violates(failure: &CallFailure, constraint: &str) -> bool {
    let mut cause = failure.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<DbError>() {
            return error.constraint() == Some(constraint);
        }
        cause = error.source();
    }
    false
}

/// The Postgres name of the violated constraint, on either engine.
pub(crate) fn violated_name(error: &dyn DatabaseError) -> Option<String> {
    if let Some(name) = error.constraint() {
        return Some(name.to_owned());
    }
    let message = error.message();
    if let Some(name) = message.strip_prefix("CHECK constraint failed: ") {
        // For a check without a name SQLite reports the text of the check.
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        return is_name.then(|| name.to_owned());
    }
    let clash = message.strip_prefix("UNIQUE constraint failed: ")?;
    // SQLite reports the name of an index over expressions, and the columns of an index over columns.
    if let Some(index) = clash.strip_prefix("index '") {
        return Some(index.trim_end_matches('\'').to_owned());
    }
    let columns: Vec<_> = clash.split(", ").filter_map(|column| column.split_once('.')).collect();
    let (table, _) = columns.first()?;
    let code = error.code().unwrap_or_default();
    if SQLITE_PRIMARY_KEYS.contains(&code.as_ref()) {
        return Some(format!("{table}_pkey"));
    }
    let columns: Vec<_> = columns.iter().map(|(_, column)| *column).collect();
    Some(format!("{table}_{}_key", columns.join("_")))
}
