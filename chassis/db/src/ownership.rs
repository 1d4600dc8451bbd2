//! Ownership checks: whether this database owns the module's data, and whether a lease is still held.
//!
//! While a module's data moves to another database, exactly one database is `open`.

use offshoot_contract::{CallFailure, FailureKind, LeaseProof};
use uuid::Uuid;

use crate::begin::BeginReply;
use crate::connection::Connection;
use crate::queries::Queries;
use crate::rows::Keep;
use crate::sql;

/// Random id of a store, assigned when its schema is created. A copy of a store has the same id.
pub type StoreId = Uuid;

/// The only ownership role that takes writes.
const OPEN: &str = "open";

/// Fails unless this database takes writes. The failure is transient, because another database takes over soon, or this
/// database opens again. Nothing has been executed.
pub(crate) fn require_open(module: &str, begin_reply: &BeginReply) -> Result<(), CallFailure> {
    if begin_reply.role == OPEN {
        return Ok(());
    }
    let (role, epoch) = (&begin_reply.role, begin_reply.epoch);
    let why = format!("{module}: this database takes no writes: its ownership role is `{role}` (epoch {epoch})");
    Err(CallFailure::not_executed(FailureKind::Unavailable, why))
}

/// Fails unless the lease is held under this token. The update locks the lease's row, so no other process can take the
/// lease before the transaction ends.
pub(crate) async fn require_lease(queries: &mut Queries, proof: &LeaseProof) -> Result<(), CallFailure> {
    let locked = queries
        .execute(
            sql!("UPDATE offshoot_leases SET token = token WHERE name = $1 AND token = $2 AND holder IS NOT NULL"),
            &(&*proof.name, proof.token),
        )
        .await?;
    if locked > 0 {
        return Ok(());
    }
    let (module, name) = (queries.module, &proof.name);
    let why = format!("{module}: another process holds the lease `{name}` now");
    Err(CallFailure::not_executed(FailureKind::Unavailable, why))
}

/// Reads the random id that the first migration gave to this store.
pub(crate) async fn read_store_id(connection: &mut Connection) -> Result<StoreId, sqlx::Error> {
    let text = sql!("SELECT store_id FROM offshoot_owner").text(connection.engine());
    let mut rows: Vec<(StoreId,)> = connection
        .fetch(sqlx::SqlSafeStr::into_sql_str(text), &(), Keep::First)
        .await?;
    rows.pop().map(|(id,)| id).ok_or(sqlx::Error::RowNotFound)
}
