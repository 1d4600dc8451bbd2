//! What operators see of subscriptions and do about them, by the tables alone: no process has to run for it, and those that
//! do take note within a second.

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::{Db, sql};
use serde::Serialize;
use uuid::Uuid;

use crate::log;
use crate::parked;

/// Most events without a position that are counted, since counting a million takes a while.
pub const COUNTED: i64 = 10_000;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum EventsFailure {
    /// No cursor has this name.
    #[error("{module} has no subscription `{subscription}`: `offshoot events status` lists them")]
    UnknownSubscription {
        /// Where it was looked for.
        module: &'static str,
        /// As it was asked for.
        subscription: String,
    },
    /// Nothing is parked there.
    #[error("`{subscription}` has no event set aside at {position}: `offshoot events dead-letters` lists them")]
    NothingThere {
        /// The subscription.
        subscription: String,
        /// As it was asked for.
        position: i64,
    },
    /// Only a copy can be made anew.
    #[error("`{subscription}` keeps no copy: `offshoot events replay {subscription} --from N` handles events again")]
    NoCopy {
        /// The subscription.
        subscription: String,
    },
    /// The database did not do it.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// The log of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxStatus {
    /// The module.
    pub module: &'static str,
    /// The last position given.
    pub last: i64,
    /// Events that have no position yet, of which at most [`COUNTED`] are counted: some for more than a moment, and a `last`
    /// that stays, say that nobody gives any.
    pub unnumbered: i64,
    /// The highest position that was removed for its age.
    pub removed: i64,
    /// The log.
    pub log_id: String,
}

/// One partition of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionStatus {
    /// Who handles.
    pub subscriber: &'static str,
    /// The subscription.
    pub subscription: String,
    /// Whose events.
    pub module: String,
    /// The partition.
    pub partition: i32,
    /// Everything up to here is handled or set aside.
    pub position: i64,
    /// Everything that was announced before is handled or set aside; none if it never was.
    pub current_at: Option<Timestamp>,
    /// Events that are tried again or wait behind one that is.
    pub parked: i64,
    /// Events that were given up.
    pub dead: i64,
    /// The process that works on it; none if nobody does.
    pub worker: Option<String>,
    /// Why nothing is handled.
    pub held: Option<String>,
    /// It keeps a copy.
    pub copies: bool,
    /// The copy will be emptied before it goes on.
    pub rebuild: bool,
}

/// An event that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The subscription.
    pub subscription: String,
    /// Its place in the log.
    pub position: i64,
    /// Its name.
    pub name: String,
    /// The version of its payload.
    pub version: i32,
    /// Whose event it is.
    pub key: String,
    /// `dead`, `retried`, or `waiting` behind another one of its key.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: i32,
    /// When it will be tried again.
    pub due_at: Option<Timestamp>,
    /// When it was announced.
    pub at: Timestamp,
    /// What the last attempt failed of.
    pub reason: String,
    /// JSON, as it was announced.
    pub payload: String,
}

/// The log of the module whose data is `db`.
pub async fn outbox_status(db: &Db, cx: &mut CallContext) -> Result<OutboxStatus, CallFailure> {
    let mut read = db.read(cx).await?;
    let head = log::head(&mut read).await?;
    let sql = sql!(
        sqlite: "SELECT 0 * $1",
        postgres: "SELECT count(*) FROM (SELECT FROM offshoot_events WHERE position IS NULL LIMIT $1) waiting",
    );
    let (unnumbered,): (i64,) = read.fetch_one(sql, (COUNTED,)).await?;
    Ok(OutboxStatus {
        module: db.module(),
        last: head.last,
        unnumbered,
        removed: head.removed,
        log_id: head.log_id,
    })
}

/// Every partition of every subscription of the module whose data is `db`.
pub async fn status(db: &Db, cx: &mut CallContext) -> Result<Vec<SubscriptionStatus>, CallFailure> {
    #[derive(sqlx::FromRow)]
    struct Row {
        subscription: String,
        module: String,
        partition: i32,
        position: i64,
        current_at: Option<Timestamp>,
        held: Option<String>,
        copies: bool,
        rebuild: bool,
        parked: i64,
        dead: i64,
        worker: Option<String>,
    }
    let rows: Vec<Row> = db
        .read(cx)
        .await?
        .fetch_all(
            sql!(
                "SELECT c.subscription, c.module, c.partition, c.position, c.current_at, c.held, c.copies, c.rebuild, \
                    (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                        AND p.partition = c.partition) AS parked, \
                    (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                        AND p.partition = c.partition AND p.attempts > 0 AND p.due_at IS NULL) AS dead, \
                    r.place AS worker \
                 FROM offshoot_cursors c \
                 LEFT JOIN offshoot_leases l ON l.name = 'events ' || c.subscription || '/' || CAST(c.partition AS text) \
                 LEFT JOIN offshoot_replicas r ON r.instance = l.holder \
                 ORDER BY c.subscription, c.partition"
            ),
            (),
        )
        .await?;
    let shown = |row: Row| SubscriptionStatus {
        subscriber: db.module(),
        subscription: row.subscription,
        module: row.module,
        partition: row.partition,
        position: row.position,
        current_at: row.current_at,
        parked: row.parked - row.dead,
        dead: row.dead,
        worker: row.worker,
        held: row.held,
        copies: row.copies,
        rebuild: row.rebuild,
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// Events that were set aside, in the order of subscription and position; at most `limit`.
pub async fn dead_letters(
    db: &Db,
    cx: &mut CallContext,
    subscription: Option<&str>,
    limit: u32,
) -> Result<Vec<DeadLetter>, CallFailure> {
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
    let shown = |(subscription, position, name, version, key, attempts, due_at, at, reason, payload): Row| DeadLetter {
        subscription,
        position,
        name,
        version,
        key,
        state: match (attempts, due_at) {
            (0, _) => "waiting",
            (_, Some(_)) => "retried",
            (_, None) => "dead",
        },
        attempts,
        due_at,
        at,
        reason,
        payload,
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// Has events tried again at once, with all their attempts: one, or all that were tried. Answers how many.
pub async fn retry(
    db: &Db,
    cx: &mut CallContext,
    subscription: &str,
    position: Option<i64>,
) -> Result<u64, EventsFailure> {
    require(db, cx, subscription).await?;
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
        Some(position) if due == 0 => Err(nothing_there(subscription, position)),
        _ => Ok(due),
    }
}

/// Gives an event up for good: it will never be handled, and those behind it are.
pub async fn skip(db: &Db, cx: &mut CallContext, subscription: &str, position: i64) -> Result<(), EventsFailure> {
    require(db, cx, subscription).await?;
    let mut tx = db.begin(cx).await?;
    if !parked::remove(&mut tx, subscription, position).await? {
        return Err(nothing_there(subscription, position));
    }
    Ok(tx.commit_part().await?)
}

/// Has the events from a position on handled again, by whatever log is there now; what was set aside from there on is
/// among them. What the subscriber wrote stays: for a copy see [`rebuild`].
pub async fn replay(db: &Db, cx: &mut CallContext, subscription: &str, from: i64) -> Result<(), EventsFailure> {
    require(db, cx, subscription).await?;
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

/// Has a copy emptied and filled anew from the beginning of the log.
pub async fn rebuild(db: &Db, cx: &mut CallContext, subscription: &str) -> Result<(), EventsFailure> {
    let copies = require(db, cx, subscription).await?;
    if !copies {
        let subscription = subscription.to_owned();
        return Err(EventsFailure::NoCopy { subscription });
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

/// Begins another log where this one ends, as after a backup was restored: what readers had read beyond is not what will be
/// written now, and they notice. Answers the id of the new log.
pub async fn begin_new_log(db: &Db, cx: &mut CallContext) -> Result<Uuid, CallFailure> {
    let id = Uuid::new_v4();
    let mut tx = db.begin(cx).await?;
    tx.execute(sql!("UPDATE offshoot_log SET log_id = $1"), (id,)).await?;
    tx.execute(sql!("DELETE FROM offshoot_readers"), ()).await?;
    tx.commit_part().await?;
    Ok(id)
}

/// Whether a subscription keeps a copy; fails if there is none of this name.
async fn require(db: &Db, cx: &mut CallContext, subscription: &str) -> Result<bool, EventsFailure> {
    let found: Option<(bool,)> = db
        .read(cx)
        .await?
        .fetch_optional(
            sql!("SELECT copies FROM offshoot_cursors WHERE subscription = $1 ORDER BY partition LIMIT 1"),
            (subscription,),
        )
        .await?;
    found
        .map(|(copies,)| copies)
        .ok_or_else(|| EventsFailure::UnknownSubscription {
            module: db.module(),
            subscription: subscription.to_owned(),
        })
}

fn nothing_there(subscription: &str, position: i64) -> EventsFailure {
    EventsFailure::NothingThere {
        subscription: subscription.to_owned(),
        position,
    }
}
