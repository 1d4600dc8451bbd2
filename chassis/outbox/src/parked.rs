//! Parked events: events that failed, and later events of the same key. SQL only; decides nothing.

use std::collections::HashSet;

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Queries, Tx, sql};

use crate::cursor::Cursor;
use crate::limits::DUE_EVENTS_MAX;
use crate::source::PublishedEvent;

/// A parked event that is due for a retry, the first of its key.
#[derive(Debug)]
pub(crate) struct DueEvent {
    pub(crate) event: PublishedEvent,
    pub(crate) attempts: i32,
}

/// Keys of a partition that have parked events.
pub(crate) async fn blocked_keys(read: &mut Queries, cursor: &Cursor) -> Result<HashSet<String>, CallFailure> {
    let keys: Vec<(String,)> = read
        .fetch_all(
            sql!("SELECT DISTINCT key FROM offshoot_parked WHERE subscription = $1 AND partition = $2"),
            (cursor.subscription, cursor.partition),
        )
        .await?;
    Ok(keys.into_iter().map(|(key,)| key).collect())
}

/// Number of parked events of a partition.
pub(crate) async fn count(read: &mut Queries, cursor: &Cursor) -> Result<i64, CallFailure> {
    let (count,): (i64,) = read
        .fetch_one(
            sql!("SELECT CAST(count(*) AS bigint) FROM offshoot_parked WHERE subscription = $1 AND partition = $2"),
            (cursor.subscription, cursor.partition),
        )
        .await?;
    Ok(count)
}

/// Parks an event. `tried` is the time of the next retry and the reason of a failed first attempt, or `None` for an event
/// that waits behind an earlier event of its key.
pub(crate) async fn park(
    tx: &mut Tx<'_>,
    cursor: &Cursor,
    event: &PublishedEvent,
    tried: Option<(Option<Timestamp>, &str)>,
) -> Result<(), CallFailure> {
    let attempts = i32::from(tried.is_some());
    let (due_at, reason) = tried.unwrap_or((None, ""));
    let version = i32::try_from(event.version).unwrap_or(i32::MAX);
    tx.execute(
        sql!(
            "INSERT INTO offshoot_parked \
             (subscription, position, partition, name, version, key, payload, at, attempts, due_at, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (subscription, position) DO NOTHING"
        ),
        (
            cursor.subscription,
            event.position,
            cursor.partition,
            &event.name,
            version,
            &event.key,
            &event.payload,
            event.at,
            attempts,
            due_at,
            reason,
        ),
    )
    .await
    .map(drop)
}

/// The first parked event of each key that is due at `now`, due after `latest`, or was never tried.
pub(crate) async fn due_events(
    read: &mut Queries,
    cursor: &Cursor,
    now: Timestamp,
    latest: Timestamp,
) -> Result<Vec<DueEvent>, CallFailure> {
    let rows: Vec<(i64, String, i32, String, String, Timestamp, i32)> = read
        .fetch_all(
            sql!(
                "SELECT p.position, p.name, p.version, p.key, p.payload, p.at, p.attempts FROM offshoot_parked p \
                 WHERE p.subscription = $1 AND p.partition = $2 AND (p.due_at <= $3 OR p.due_at > $4 OR p.attempts = 0) \
                 AND NOT EXISTS (SELECT 1 FROM offshoot_parked b WHERE b.subscription = p.subscription \
                    AND b.partition = p.partition AND b.key = p.key AND b.position < p.position) \
                 ORDER BY p.position LIMIT $5"
            ),
            (cursor.subscription, cursor.partition, now, latest, DUE_EVENTS_MAX),
        )
        .await?;
    let parked = |(position, name, version, key, payload, at, attempts): (i64, String, i32, String, String, _, i32)| {
        let version = u32::try_from(version).unwrap_or_default();
        let event = PublishedEvent {
            position,
            name,
            version,
            key,
            payload,
            at,
        };
        DueEvent { event, attempts }
    };
    Ok(rows.into_iter().map(parked).collect())
}

/// Removes a parked event. Returns `false` if an operator has removed the event before.
pub(crate) async fn remove(tx: &mut Tx<'_>, subscription: &str, position: i64) -> Result<bool, CallFailure> {
    let removed = tx
        .execute(
            sql!("DELETE FROM offshoot_parked WHERE subscription = $1 AND position = $2"),
            (subscription, position),
        )
        .await?;
    Ok(removed > 0)
}

/// Removes all parked events of a subscription. Returns their number.
pub(crate) async fn remove_all(tx: &mut Tx<'_>, subscription: &str) -> Result<u64, CallFailure> {
    let all = sql!("DELETE FROM offshoot_parked WHERE subscription = $1");
    tx.execute(all, (subscription,)).await
}

/// Records a failed attempt. Without `due_at` the event becomes a dead letter.
pub(crate) async fn record_failed_attempt(
    tx: &mut Tx<'_>,
    subscription: &str,
    position: i64,
    due_at: Option<Timestamp>,
    reason: &str,
) -> Result<(), CallFailure> {
    tx.execute(
        sql!(
            "UPDATE offshoot_parked SET attempts = attempts + 1, due_at = $3, reason = $4 \
             WHERE subscription = $1 AND position = $2"
        ),
        (subscription, position, due_at, reason),
    )
    .await
    .map(drop)
}
