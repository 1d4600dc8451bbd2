//! Deletion of recorded responses whose retention has passed.

use offshoot_contract::{CallContext, CallFailure, Timestamp};

use crate::db::Db;
use crate::sql;

/// Expired responses deleted per transaction, so that writers wait only for milliseconds.
const EXPIRY_BATCH: u32 = 1_000;

impl Db {
    /// Deletes recorded responses that expired before `now`, a thousand per transaction. Returns the number deleted.
    pub async fn delete_expired_records(&self, now: Timestamp) -> Result<u64, CallFailure> {
        let mut deleted = 0;
        loop {
            let mut cx = CallContext::root("expiry");
            let mut tx = self.begin(&mut cx).await?;
            let batch = tx
                .execute(
                    sql!(
                        "DELETE FROM offshoot_answers WHERE scope IN \
                         (SELECT scope FROM offshoot_answers WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
                    ),
                    (now, i64::from(EXPIRY_BATCH)),
                )
                .await?;
            tx.commit(()).await?;
            deleted += batch;
            if batch < u64::from(EXPIRY_BATCH) {
                return Ok(deleted);
            }
        }
    }
}
