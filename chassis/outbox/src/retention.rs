//! Retention: removes events that are old, handled by every reader, and not the newest lasting event of their key.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::{Db, List, Queries, sql};

use crate::limits::{ASSIGNED_MAX, FOUND_MAX, READER_FORGOTTEN_AFTER, REMOVED_PER_TRANSACTION};
use crate::log::assign_positions;
use crate::source::AFTER_LEAVING;

/// Removes events that were published more than `keep` ago and that every reader of the last 30 days has handled. Without
/// any reader in the last 30 days, or if each has left, `keep` is at least 30 days. The newest lasting event of each key stays.
///
/// Returns the number of removed events.
pub async fn remove_expired_events(db: &Db, cx: &mut CallContext, keep: Duration) -> Result<u64, CallFailure> {
    let now = db.now();
    let readers_since = subtract(now, READER_FORGOTTEN_AFTER);
    // Without readers, nobody else assigns positions.
    while assign_positions(db, cx).await? >= ASSIGNED_MAX {}
    let mut sum = 0;
    loop {
        // Found outside of the removing transaction: scanning a long log takes longer than writers should wait. A position
        // that may be removed stays removable.
        let expired = {
            let mut read = db.read(cx).await?;
            let (read_by_all,): (Option<i64>,) = read
                .fetch_one(
                    sql!("SELECT min(position) FROM offshoot_readers WHERE at >= $1 AND position < $2"),
                    (readers_since, AFTER_LEAVING),
                )
                .await?;
            let before = match read_by_all {
                Some(_) => subtract(now, keep),
                None => subtract(now, keep.max(READER_FORGOTTEN_AFTER)),
            };
            find_expired(&mut read, before, read_by_all.unwrap_or(i64::MAX)).await?
        };
        for positions in expired.chunks(REMOVED_PER_TRANSACTION) {
            sum += remove_positions(db, cx, positions).await?;
        }
        if expired.len() < FOUND_MAX {
            return Ok(sum);
        }
    }
}

/// Positions that may be removed, in order.
async fn find_expired(read: &mut Queries, before: Timestamp, up_to: i64) -> Result<Vec<i64>, CallFailure> {
    let limit = i64::try_from(FOUND_MAX).unwrap_or(i64::MAX);
    let positions: Vec<(i64,)> = read
        .fetch_all(
            sql!(
                "SELECT position FROM (\
                    SELECT position, at, lasting, max(position) OVER (PARTITION BY name, key) AS newest \
                    FROM offshoot_events WHERE position IS NOT NULL\
                ) ranked WHERE at < $1 AND position <= $2 AND (NOT lasting OR position < newest) \
                ORDER BY position LIMIT $3"
            ),
            (before, up_to, limit),
        )
        .await?;
    Ok(positions.into_iter().map(|(position,)| position).collect())
}

/// Removes the events at `positions`, and records the highest removed position.
async fn remove_positions(db: &Db, cx: &mut CallContext, positions: &[i64]) -> Result<u64, CallFailure> {
    let Some(highest) = positions.last() else { return Ok(0) };
    let mut tx = db.begin(cx).await?;
    let sql = sql!(
        sqlite: "DELETE FROM offshoot_events WHERE position IN (SELECT value FROM json_each($1))",
        postgres: "DELETE FROM offshoot_events WHERE position = ANY($1)",
    );
    let removed = tx.execute(sql, (List(positions.to_vec()),)).await?;
    let record = sql!("UPDATE offshoot_log SET removed_through = $1 WHERE removed_through < $1");
    tx.execute(record, (highest,)).await?;
    tx.commit_part().await?;
    Ok(removed)
}

fn subtract(now: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(micros)).unwrap_or(now)
}
