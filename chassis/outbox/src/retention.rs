//! Removing what is old, was read by all who read, and is not the newest word on its key.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::{Db, List, Queries, sql};

use crate::log::{AT_ONCE, number};

/// How long events are kept at least: time to notice a fault and to replay.
pub const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A reader that was not heard of for so long keeps nothing any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Events removed by one transaction.
const REMOVED_AT_ONCE: usize = 1_000;
/// Events found by one look through the log.
const LOOKED_UP: usize = 20_000;

/// Removes events that were announced more than `keep` ago and that every reader heard of in the last 30 days has handled;
/// where none was, more than 30 days ago. The newest lasting event of each key stays. Answers how many were removed.
pub async fn remove_old(db: &Db, cx: &mut CallContext, keep: Duration) -> Result<u64, CallFailure> {
    let now = db.now();
    let forgotten = earlier(now, FORGOTTEN_AFTER);
    // Where nobody reads, nobody else gives positions.
    while number(db, cx).await? >= AT_ONCE {}
    let mut sum = 0;
    loop {
        // Found outside of the transaction that removes them: to look through a long log takes longer than writers should
        // wait. What may go stays what may go.
        let old = {
            let mut read = db.read(cx).await?;
            let (read_by_all,): (Option<i64>,) = read
                .fetch_one(
                    sql!("SELECT min(position) FROM offshoot_readers WHERE at >= $1"),
                    (forgotten,),
                )
                .await?;
            let before = match read_by_all {
                Some(_) => earlier(now, keep),
                None => earlier(now, keep.max(FORGOTTEN_AFTER)),
            };
            old(&mut read, before, read_by_all.unwrap_or(i64::MAX)).await?
        };
        for some in old.chunks(REMOVED_AT_ONCE) {
            sum += remove(db, cx, some).await?;
        }
        if old.len() < LOOKED_UP {
            return Ok(sum);
        }
    }
}

/// Positions that may be removed, in order.
async fn old(read: &mut Queries, before: Timestamp, up_to: i64) -> Result<Vec<i64>, CallFailure> {
    let limit = i64::try_from(LOOKED_UP).unwrap_or(i64::MAX);
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

/// Removes these, and notes that up to the last of them something was.
async fn remove(db: &Db, cx: &mut CallContext, positions: &[i64]) -> Result<u64, CallFailure> {
    let Some(highest) = positions.last() else { return Ok(0) };
    let mut tx = db.begin(cx).await?;
    let sql = sql!(
        sqlite: "DELETE FROM offshoot_events WHERE position IN (SELECT value FROM json_each($1))",
        postgres: "DELETE FROM offshoot_events WHERE position = ANY($1)",
    );
    let removed = tx.execute(sql, (List(positions.to_vec()),)).await?;
    let note = sql!("UPDATE offshoot_log SET removed = $1 WHERE removed < $1");
    tx.execute(note, (highest,)).await?;
    tx.commit_part().await?;
    Ok(removed)
}

fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(micros)).unwrap_or(now)
}
