//! SQL that says which sagas are open, in one place, and statements about open sagas for tools without a `Db`.

use offshoot_db::{Sql, sql};

/// SQL condition: the saga has a status of [`SagaStatus::OPEN`](crate::SagaStatus::OPEN). The words of the partial index
/// `offshoot_sagas_open`, or the database could not use the index.
macro_rules! is_open {
    () => {
        "state IN ('running', 'waiting', 'stuck')"
    };
}

/// SQL expression: the name of the saga's [`SagaStatus`](crate::SagaStatus). The column `state` has no `undoing`.
macro_rules! status {
    () => {
        "CASE WHEN undoing AND state IN ('running', 'waiting') THEN 'undoing' ELSE state END"
    };
}

pub(crate) use {is_open, status};

/// Counts the open sagas of a module: `(bigint)`.
pub const COUNT_OPEN_SAGAS: Sql = sql!(concat!("SELECT count(*) FROM offshoot_sagas WHERE ", is_open!()));

/// Lists at most `$1` open sagas of a module, the oldest first: `id`, `kind`, `state` (the name of a
/// [`SagaStatus`](crate::SagaStatus)), `due_at`, `started_at`, `updated_at`.
pub const LIST_OPEN_SAGAS: Sql = sql!(concat!(
    "SELECT id, kind, ",
    status!(),
    " AS state, due_at, started_at, updated_at FROM offshoot_sagas WHERE ",
    is_open!(),
    " ORDER BY started_at, id LIMIT $1"
));

/// Lists at most `$2` sagas that changed after `$1`, open or ended, the latest first. Columns as in [`LIST_OPEN_SAGAS`].
pub const LIST_SAGAS_CHANGED_AFTER: Sql = sql!(concat!(
    "SELECT id, kind, ",
    status!(),
    " AS state, due_at, started_at, updated_at FROM offshoot_sagas WHERE updated_at > $1 \
     ORDER BY updated_at DESC, id LIMIT $2"
));
