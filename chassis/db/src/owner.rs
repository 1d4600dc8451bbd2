//! Whether this database owns the module's data. While the data moves, exactly one database is `open`.

use offshoot_contract::{CallFailure, FailureKind, LeaseProof};

use crate::connection::{Connection, Keep};
use crate::db::StoreId;
use crate::opening::Opening;
use crate::{Tx, sql};

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

/// Fails unless the lease is held under this token, and keeps it from being taken until the transaction has ended.
pub(crate) async fn require_lease(tx: &mut Tx<'_>, proof: &LeaseProof) -> Result<(), CallFailure> {
    let locked = tx
        .execute(
            sql!("UPDATE offshoot_leases SET token = token WHERE name = $1 AND token = $2 AND holder IS NOT NULL"),
            (&*proof.name, proof.token),
        )
        .await?;
    if locked > 0 {
        return Ok(());
    }
    let (module, name) = (tx.db().module(), &proof.name);
    let why = format!("{module}: `{name}` is done by another process now");
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
