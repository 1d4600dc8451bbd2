//! Whether this database owns the module's data. While the data moves, exactly one database is `open`.

use offshoot_contract::{CallFailure, FailureKind};

use crate::connection::{Connection, Keep};
use crate::db::StoreId;
use crate::opening::Opening;
use crate::sql;

/// The role that may be written to.
const OPEN: &str = "open";

/// Fails unless this database may be written to. Nothing has been executed then, and the caller may try again: another
/// database takes over soon, or this one opens again.
pub(crate) fn require_open(module: &str, opening: &Opening) -> Result<(), CallFailure> {
    if opening.role == OPEN {
        return Ok(());
    }
    let (role, epoch) = (&opening.role, opening.epoch);
    let why = format!("{module}: this database does not take writes, its role is `{role}` (epoch {epoch})");
    Err(CallFailure::not_executed(FailureKind::Unavailable, why))
}

/// The random id that the first migration gave to this store.
pub(crate) async fn store_id(connection: &mut Connection) -> Result<StoreId, sqlx::Error> {
    let text = sql!("SELECT store_id FROM offshoot_owner").text(connection.engine());
    let mut rows: Vec<(StoreId,)> = connection
        .fetch(sqlx::SqlSafeStr::into_sql_str(text), &(), Keep::First)
        .await?;
    rows.pop().map(|(id,)| id).ok_or(sqlx::Error::RowNotFound)
}
