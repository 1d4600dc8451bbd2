//! Cursor of a subscription's partition: the position up to which events are handled. SQL only; decides nothing.

use offshoot_contract::{CallFailure, FailureKind, Timestamp};
use offshoot_db::{Queries, Tx, sql};
use uuid::Uuid;

/// The cursor of a partition that this worker has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) subscription: &'static str,
    pub(crate) partition: i32,
    /// `None` before the first read.
    pub(crate) log_id: Option<Uuid>,
    pub(crate) position: i64,
    /// Why the partition handles nothing until an operator decides.
    pub(crate) held: Option<String>,
    /// The log's `removed_through` at the last read.
    pub(crate) removed_through: i64,
    /// Whether the projection has to be cleared before the next event.
    pub(crate) rebuild: bool,
    /// Rises when a worker takes the partition, and when an operator moves the cursor.
    token: i64,
}

/// Identity and retention of a log at the time of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogState {
    pub(crate) id: Uuid,
    pub(crate) removed_through: i64,
}

/// Creates the cursors of a subscription if none exist. Returns the number of partitions, which never changes again.
pub(crate) async fn create_missing(
    tx: &mut Tx<'_>,
    subscription: &str,
    module: &str,
    partitions: i32,
    is_projection: bool,
) -> Result<i32, CallFailure> {
    let count = sql!("SELECT CAST(count(*) AS bigint) FROM offshoot_cursors WHERE subscription = $1");
    let (existing,): (i64,) = tx.fetch_one(count, (subscription,)).await?;
    if existing > 0 {
        return Ok(i32::try_from(existing).unwrap_or(1));
    }
    let row = |partition| {
        let (subscription, module) = (subscription.to_owned(), module.to_owned());
        (
            subscription,
            partition,
            module,
            0_i64,
            0_i64,
            0_i64,
            is_projection,
            false,
        )
    };
    let insert = sql!(
        "INSERT INTO offshoot_cursors (subscription, partition, module, position, token, removed_through, is_projection, rebuild) \
         VALUES $rows ON CONFLICT (subscription, partition) DO NOTHING"
    );
    // Partition 0 first: of two processes that start at once, perhaps with different settings, only one inserts the row
    // and creates the other partitions.
    if tx.insert_many(insert, [row(0)]).await? == 0 {
        let (existing,): (i64,) = tx.fetch_one(count, (subscription,)).await?;
        return Ok(i32::try_from(existing).unwrap_or(1));
    }
    tx.insert_many(insert, (1..partitions).map(row)).await?;
    Ok(partitions)
}

impl Cursor {
    /// Takes a partition. The previous worker's transactions fail from now on.
    pub(crate) async fn take(tx: &mut Tx<'_>, subscription: &'static str, partition: i32) -> Result<Self, CallFailure> {
        let (log_id, position, held, removed_through, rebuild, token): (
            Option<Uuid>,
            i64,
            Option<String>,
            i64,
            bool,
            i64,
        ) = tx
            .fetch_one(
                sql!(
                    "UPDATE offshoot_cursors SET token = token + 1 WHERE subscription = $1 AND partition = $2 \
                     RETURNING log_id, position, held, removed_through, rebuild, token"
                ),
                (subscription, partition),
            )
            .await?;
        Ok(Self {
            subscription,
            partition,
            log_id,
            position,
            held,
            removed_through,
            rebuild,
            token,
        })
    }

    /// Whether no other worker has taken the partition since, and no operator has moved the cursor.
    pub(crate) async fn is_current(&self, read: &mut Queries) -> Result<bool, CallFailure> {
        let found: Option<(i64,)> = read
            .fetch_optional(
                sql!("SELECT token FROM offshoot_cursors WHERE subscription = $1 AND partition = $2"),
                (self.subscription, self.partition),
            )
            .await?;
        Ok(found == Some((self.token,)))
    }

    /// Records that every event up to `position` is handled or parked, and ends a hold. Without `current_at` the recorded
    /// time stays.
    pub(crate) async fn advance(
        &self,
        tx: &mut Tx<'_>,
        log: LogState,
        position: i64,
        current_at: Option<Timestamp>,
    ) -> Result<(), CallFailure> {
        let moved = tx
            .execute(
                sql!(
                    "UPDATE offshoot_cursors SET log_id = $4, removed_through = $5, position = $6, \
                     current_at = COALESCE($7, current_at), held = NULL WHERE subscription = $1 AND partition = $2 AND token = $3"
                ),
                (
                    self.subscription,
                    self.partition,
                    self.token,
                    log.id,
                    log.removed_through,
                    position,
                    current_at,
                ),
            )
            .await?;
        self.require_token(moved)
    }

    /// Records why the partition is held: no event is handled until an operator decides.
    pub(crate) async fn hold(&self, tx: &mut Tx<'_>, why: &str) -> Result<(), CallFailure> {
        let changed = tx
            .execute(
                sql!("UPDATE offshoot_cursors SET held = $4 WHERE subscription = $1 AND partition = $2 AND token = $3"),
                (self.subscription, self.partition, self.token, why),
            )
            .await?;
        self.require_token(changed)
    }

    /// Records that the projection has been cleared.
    pub(crate) async fn record_cleared(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        let changed = tx
            .execute(
                sql!(
                    "UPDATE offshoot_cursors SET rebuild = false, current_at = NULL \
                     WHERE subscription = $1 AND partition = $2 AND token = $3"
                ),
                (self.subscription, self.partition, self.token),
            )
            .await?;
        self.require_token(changed)
    }

    /// Fails if the update found no row with this worker's token.
    fn require_token(&self, changed: u64) -> Result<(), CallFailure> {
        if changed > 0 {
            return Ok(());
        }
        let why = format!(
            "another worker has taken partition {}/{}, or an operator has moved its cursor",
            self.subscription, self.partition
        );
        Err(CallFailure::not_executed(FailureKind::Unavailable, why))
    }
}
