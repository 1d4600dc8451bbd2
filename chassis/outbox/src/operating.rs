//! Status of logs and subscriptions, and the operators' commands: retry, skip, replay, rebuild.
//!
//! Works on the tables alone: no process has to run, and running workers notice a change within a second.

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::{Db, sql};
use serde::Serialize;
use uuid::Uuid;

use crate::limits::UNNUMBERED_COUNT_MAX;
use crate::log;
use crate::parked;

/// Why an operator's command was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// The module has no subscription of this name, or has never started the subscription.
    #[error("{module} has no subscription `{subscription}`: `offshoot events status` lists the subscriptions")]
    UnknownSubscription {
        /// The subscribing module.
        module: &'static str,
        /// The requested name.
        subscription: String,
    },
    /// No event is parked at this position.
    #[error(
        "`{subscription}` has no parked event at {position}: `offshoot events dead-letters` lists the parked events"
    )]
    NotParked {
        /// The subscription.
        subscription: String,
        /// The requested position.
        position: i64,
    },
    /// Only a projection can be rebuilt.
    #[error(
        "`{subscription}` is not a projection: `offshoot events replay {subscription} --from N` handles events again"
    )]
    NotAProjection {
        /// The subscription.
        subscription: String,
    },
    /// The database failed.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// Status of a module's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxStatus {
    /// The publishing module.
    pub module: &'static str,
    /// The last assigned position.
    pub last: i64,
    /// Number of events without a position, counted up to [`UNNUMBERED_COUNT_MAX`]. If it stays above 0 and `last` does not
    /// rise, no process assigns positions.
    pub unnumbered: i64,
    /// The highest position removed by retention; 0 before the first removal.
    pub removed_through: i64,
    /// UUID of the log.
    pub log_id: String,
}

/// Status of one partition of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionStatus {
    /// The subscribing module.
    pub subscriber: &'static str,
    /// The subscription.
    pub subscription: String,
    /// The publishing module.
    pub module: String,
    /// The partition.
    pub partition: i32,
    /// Number of partitions of the subscription.
    pub partitions: i32,
    /// Every event up to this position is handled or parked.
    pub position: i64,
    /// Every event published before this time is handled; parked events count as handled, except in a projection. `None`
    /// before the partition has handled an event or reached the end of the log.
    pub current_at: Option<Timestamp>,
    /// Number of events that are being retried or wait behind an earlier event of their key.
    pub parked: i64,
    /// Number of dead letters: events whose attempts are exhausted.
    pub dead_letters: i64,
    /// The process that holds the lease of the partition.
    pub worker: Option<String>,
    /// Why the partition is held: no event is handled until an operator decides.
    pub held: Option<String>,
    /// Whether the subscription is a projection.
    pub is_projection: bool,
    /// Whether the projection will be cleared before the next event.
    pub rebuild: bool,
}

/// A parked event or a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParkedEvent {
    /// The subscription.
    pub subscription: String,
    /// Position in the publisher's log.
    pub position: i64,
    /// Name of the event.
    pub name: String,
    /// Version of the payload.
    pub version: i32,
    /// Key of the event.
    pub key: String,
    /// `dead` for a dead letter, `retrying`, or `waiting` behind an earlier event of the same key.
    pub state: &'static str,
    /// Number of attempts.
    pub attempts: i32,
    /// Time of the next attempt; `None` for dead letters and waiting events.
    pub due_at: Option<Timestamp>,
    /// Time of publication.
    pub at: Timestamp,
    /// Failure of the last attempt, with causes.
    pub reason: String,
    /// JSON, byte for byte as published.
    pub payload: String,
}

/// Status of the log of the module whose data is `db`.
pub async fn outbox_status(db: &Db, cx: &mut CallContext) -> Result<OutboxStatus, CallFailure> {
    let mut read = db.read(cx).await?;
    let head = log::read_head(&mut read).await?;
    let sql = sql!(
        sqlite: "SELECT 0 * $1",
        postgres: "SELECT count(*) FROM (SELECT FROM offshoot_events WHERE position IS NULL LIMIT $1) waiting",
    );
    let (unnumbered,): (i64,) = read.fetch_one(sql, (UNNUMBERED_COUNT_MAX,)).await?;
    Ok(OutboxStatus {
        module: db.module(),
        last: head.last,
        unnumbered,
        removed_through: head.removed_through,
        log_id: head.log_id,
    })
}

/// Status of every partition of every subscription of the module whose data is `db`.
pub async fn status(db: &Db, cx: &mut CallContext) -> Result<Vec<SubscriptionStatus>, CallFailure> {
    offshoot_db::row! {
        struct Row {
            subscription: String,
            module: String,
            partition: i32,
            partitions: i32,
            position: i64,
            current_at: Option<Timestamp>,
            held: Option<String>,
            is_projection: bool,
            rebuild: bool,
            parked: i64,
            dead_letters: i64,
            worker: Option<String>,
        }
    }
    let rows: Vec<Row> = db
        .read(cx)
        .await?
        .fetch_all(
            sql!(
                "SELECT c.subscription, c.module, c.partition, \
                    CAST(count(*) OVER (PARTITION BY c.subscription) AS integer) AS partitions, \
                    c.position, c.current_at, c.held, c.is_projection, c.rebuild, \
                    (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                        AND p.partition = c.partition) AS parked, \
                    (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                        AND p.partition = c.partition AND p.attempts > 0 AND p.due_at IS NULL) AS dead_letters, \
                    r.process AS worker \
                 FROM offshoot_cursors c \
                 LEFT JOIN offshoot_leases l ON l.name = 'events ' || c.subscription || '/' || CAST(c.partition AS text) \
                 LEFT JOIN offshoot_replicas r ON r.instance = l.holder \
                 ORDER BY c.subscription, c.partition"
            ),
            (),
        )
        .await?;
    let to_status = |row: Row| SubscriptionStatus {
        subscriber: db.module(),
        subscription: row.subscription,
        module: row.module,
        partition: row.partition,
        partitions: row.partitions,
        position: row.position,
        current_at: row.current_at,
        parked: row.parked - row.dead_letters,
        dead_letters: row.dead_letters,
        worker: row.worker,
        held: row.held,
        is_projection: row.is_projection,
        rebuild: row.rebuild,
    };
    Ok(rows.into_iter().map(to_status).collect())
}

/// Parked events and dead letters, ordered by subscription and position; at most `limit`.
pub async fn parked_events(
    db: &Db,
    cx: &mut CallContext,
    subscription: Option<&str>,
    limit: u32,
) -> Result<Vec<ParkedEvent>, CallFailure> {
    type Row = (
        String,
        i64,
        String,
        i32,
        String,
        i32,
        Option<Timestamp>,
        Timestamp,
        String,
        String,
    );
    let rows: Vec<Row> = db
        .read(cx)
        .await?
        .fetch_all(
            sql!(
                "SELECT subscription, position, name, version, key, attempts, due_at, at, reason, payload \
                 FROM offshoot_parked WHERE $1 IS NULL OR subscription = $1 ORDER BY subscription, position LIMIT $2"
            ),
            (subscription.map(str::to_owned), i64::from(limit)),
        )
        .await?;
    let to_event =
        |(subscription, position, name, version, key, attempts, due_at, at, reason, payload): Row| ParkedEvent {
            subscription,
            position,
            name,
            version,
            key,
            state: match (attempts, due_at) {
                (0, _) => "waiting",
                (_, Some(_)) => "retrying",
                (_, None) => "dead",
            },
            attempts,
            due_at,
            at,
            reason,
            payload,
        };
    Ok(rows.into_iter().map(to_event).collect())
}

/// Makes tried events and dead letters due now, with their full number of attempts: the event at `position`, or all.
///
/// Returns the number of events. Fails with `NotParked` if no tried event is at `position`.
pub async fn retry(
    db: &Db,
    cx: &mut CallContext,
    subscription: &str,
    position: Option<i64>,
) -> Result<u64, SubscriptionError> {
    require_subscription(db, cx, subscription).await?;
    let now = db.now();
    let mut tx = db.begin(cx).await?;
    let due = tx
        .execute(
            sql!(
                "UPDATE offshoot_parked SET attempts = 1, due_at = $2 \
                 WHERE subscription = $1 AND attempts > 0 AND ($3 IS NULL OR position = $3)"
            ),
            (subscription, now, position),
        )
        .await?;
    tx.commit_part().await?;
    match position {
        Some(position) if due == 0 => Err(not_parked(subscription, position)),
        _ => Ok(due),
    }
}

/// Drops a parked event or a dead letter for good. Later events of the same key are handled. Fails with `NotParked`.
pub async fn skip(db: &Db, cx: &mut CallContext, subscription: &str, position: i64) -> Result<(), SubscriptionError> {
    require_subscription(db, cx, subscription).await?;
    let mut tx = db.begin(cx).await?;
    if !parked::remove(&mut tx, subscription, position).await? {
        return Err(not_parked(subscription, position));
    }
    Ok(tx.commit_part().await?)
}

/// Moves the cursors, so that workers handle the events from position `from` on again, from the publisher's present log.
/// Parked events from there on are dropped, because the replay covers them. Rows written by the subscriber stay; for a
/// projection see [`rebuild`].
pub async fn replay(db: &Db, cx: &mut CallContext, subscription: &str, from: i64) -> Result<(), SubscriptionError> {
    require_subscription(db, cx, subscription).await?;
    let mut tx = db.begin(cx).await?;
    tx.execute(
        sql!(
            "UPDATE offshoot_cursors SET position = $2, log_id = NULL, held = NULL, token = token + 1 WHERE subscription = $1"
        ),
        (subscription, from.saturating_sub(1).max(0)),
    )
    .await?;
    tx.execute(
        sql!("DELETE FROM offshoot_parked WHERE subscription = $1 AND position >= $2"),
        (subscription, from),
    )
    .await?;
    Ok(tx.commit_part().await?)
}

/// Marks a projection for a rebuild: the worker clears the tables and handles the log from the beginning. Fails with
/// `NotAProjection`.
pub async fn rebuild(db: &Db, cx: &mut CallContext, subscription: &str) -> Result<(), SubscriptionError> {
    let is_projection = require_subscription(db, cx, subscription).await?;
    if !is_projection {
        let subscription = subscription.to_owned();
        return Err(SubscriptionError::NotAProjection { subscription });
    }
    let mut tx = db.begin(cx).await?;
    tx.execute(
        sql!(
            "UPDATE offshoot_cursors SET position = 0, log_id = NULL, held = NULL, rebuild = true, token = token + 1 \
             WHERE subscription = $1"
        ),
        (subscription,),
    )
    .await?;
    Ok(tx.commit_part().await?)
}

/// Gives the log a new id, as after a restored backup: new events reuse positions that readers may have read, so
/// subscriptions hold until an operator decides. Returns the new id.
pub async fn begin_new_log(db: &Db, cx: &mut CallContext) -> Result<Uuid, CallFailure> {
    let id = Uuid::new_v4();
    let mut tx = db.begin(cx).await?;
    tx.execute(sql!("UPDATE offshoot_log SET log_id = $1"), (id,)).await?;
    tx.execute(sql!("DELETE FROM offshoot_readers"), ()).await?;
    tx.commit_part().await?;
    Ok(id)
}

/// Whether a subscription is a projection. Fails with `UnknownSubscription`.
async fn require_subscription(db: &Db, cx: &mut CallContext, subscription: &str) -> Result<bool, SubscriptionError> {
    let found: Option<(bool,)> = db
        .read(cx)
        .await?
        .fetch_optional(
            sql!("SELECT is_projection FROM offshoot_cursors WHERE subscription = $1 ORDER BY partition LIMIT 1"),
            (subscription,),
        )
        .await?;
    found
        .map(|(is_projection,)| is_projection)
        .ok_or_else(|| SubscriptionError::UnknownSubscription {
            module: db.module(),
            subscription: subscription.to_owned(),
        })
}

fn not_parked(subscription: &str, position: i64) -> SubscriptionError {
    SubscriptionError::NotParked {
        subscription: subscription.to_owned(),
        position,
    }
}
