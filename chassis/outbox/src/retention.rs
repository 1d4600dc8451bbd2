//! Removing what is old, was read by all who read, and is not the newest word on its key.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::{Db, sql};

/// How long events are kept at least: time to notice a fault and to replay.
pub const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A reader that was not heard of for so long keeps nothing any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Events removed by one transaction.
const AT_ONCE: i64 = 1_000;

/// Removes events that were announced more than `keep` ago and that every reader heard of in the last 30 days has handled.
/// The newest lasting event of each key stays. Answers how many were removed.
pub async fn remove_old(db: &Db, cx: &mut CallContext, keep: Duration) -> Result<u64, CallFailure> {
    let now = db.now();
    let (before, forgotten) = (earlier(now, keep), earlier(now, FORGOTTEN_AFTER));
    let mut sum = 0;
    loop {
        let mut tx = db.begin(cx).await?;
        let (read_by_all,): (Option<i64>,) = tx
            .fetch_one(
                sql!("SELECT min(position) FROM offshoot_readers WHERE at >= $1"),
                (forgotten,),
            )
            .await?;
        let removed: Vec<(i64,)> = tx
            .fetch_all(
                sql!(
                    "DELETE FROM offshoot_events WHERE position IN (\
                        SELECT position FROM (\
                            SELECT position, at, lasting, max(position) OVER (PARTITION BY name, key) AS newest \
                            FROM offshoot_events WHERE position IS NOT NULL\
                        ) ranked \
                        WHERE at < $1 AND position <= $2 AND (NOT lasting OR position < newest) \
                        ORDER BY position LIMIT $3\
                    ) RETURNING position"
                ),
                (before, read_by_all.unwrap_or(i64::MAX), AT_ONCE),
            )
            .await?;
        let count = removed.len() as u64;
        if let Some((highest,)) = removed.into_iter().max() {
            tx.execute(
                sql!("UPDATE offshoot_log SET removed = $1 WHERE removed < $1"),
                (highest,),
            )
            .await?;
        }
        tx.commit_part().await?;
        sum += count;
        if count < AT_ONCE.unsigned_abs() {
            return Ok(sum);
        }
    }
}

fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(micros)).unwrap_or(now)
}
