//! Which constraint a failed statement has broken, by the same name on both engines.

use std::error::Error;

use sqlx::error::DatabaseError;

use offshoot_contract::CallFailure;

use crate::DbError;

/// SQLite's codes of a broken primary key, with and without a rowid.
const SQLITE_PRIMARY_KEYS: [&str; 2] = ["1555", "2579"];

/// Whether `failure` was caused by breaking the named constraint.
///
/// Names are Postgres's: a unique constraint is `<table>_<columns>_key`, a primary key `<table>_pkey`; a unique index
/// must be given such a name too. SQLite says which columns clashed, and the name is made from them. A check must be
/// named in the schema. **A foreign key has no name on SQLite**, which says only that one was broken: look the parent
/// up instead. The same for NOT NULL on both.
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

/// The name of the constraint, as Postgres gives or would give it.
pub(crate) fn name(error: &dyn DatabaseError) -> Option<String> {
    if let Some(name) = error.constraint() {
        return Some(name.to_owned());
    }
    let message = error.message();
    if let Some(name) = message.strip_prefix("CHECK constraint failed: ") {
        // A check without a name is told by its text.
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        return is_name.then(|| name.to_owned());
    }
    let clash = message.strip_prefix("UNIQUE constraint failed: ")?;
    // An index over expressions is named, one over columns is not.
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
