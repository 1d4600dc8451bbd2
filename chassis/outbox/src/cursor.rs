//! Where a partition of a subscription stands. SQL of the subscriber's side; decides nothing.

use offshoot_contract::{CallFailure, FailureKind, Timestamp};
use offshoot_db::{Queries, Tx, sql};
use uuid::Uuid;

/// A cursor that this worker has taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) subscription: &'static str,
    pub(crate) partition: i32,
    /// None before the first read.
    pub(crate) log_id: Option<Uuid>,
    pub(crate) position: i64,
    pub(crate) held: Option<String>,
    /// What had been removed from the log when it was read last.
    pub(crate) removed: i64,
    pub(crate) rebuild: bool,
    /// Rises when a worker takes the partition up, and when an operator moves the cursor.
    token: i64,
}

/// The log as it was when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogSeen {
    pub(crate) id: Uuid,
    pub(crate) removed: i64,
}

/// Makes the cursors of a subscription where they are missing; answers how many there are, which stays.
pub(crate) async fn prepare(
    tx: &mut Tx<'_>,
    subscription: &str,
    module: &str,
    partitions: i32,
    copies: bool,
) -> Result<i32, CallFailure> {
    let count = sql!("SELECT CAST(count(*) AS bigint) FROM offshoot_cursors WHERE subscription = $1");
    let (there,): (i64,) = tx.fetch_one(count, (subscription,)).await?;
    if there > 0 {
        return Ok(i32::try_from(there).unwrap_or(1));
    }
    let row = |partition| {
        let (subscription, module) = (subscription.to_owned(), module.to_owned());
        (subscription, partition, module, 0_i64, 0_i64, 0_i64, copies, false)
    };
    let insert = sql!(
        "INSERT INTO offshoot_cursors (subscription, partition, module, position, token, removed, copies, rebuild) VALUES $rows \
         ON CONFLICT (subscription, partition) DO NOTHING"
    );
    // The first alone: of two processes that begin at once, perhaps with other settings, one makes all of them.
    if tx.insert_many(insert, [row(0)]).await? == 0 {
        let (there,): (i64,) = tx.fetch_one(count, (subscription,)).await?;
        return Ok(i32::try_from(there).unwrap_or(1));
    }
    tx.insert_many(insert, (1..partitions).map(row)).await?;
    Ok(partitions)
}

impl Cursor {
    /// Takes a partition up: whoever had it writes nothing more.
    pub(crate) async fn take(tx: &mut Tx<'_>, subscription: &'static str, partition: i32) -> Result<Self, CallFailure> {
        let (log_id, position, held, removed, rebuild, token): (Option<Uuid>, i64, Option<String>, i64, bool, i64) = tx
            .fetch_one(
                sql!(
                    "UPDATE offshoot_cursors SET token = token + 1 WHERE subscription = $1 AND partition = $2 \
                     RETURNING log_id, position, held, removed, rebuild, token"
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
            removed,
            rebuild,
            token,
        })
    }

    /// Whether nobody has taken the partition up since, and no operator has moved the cursor.
    pub(crate) async fn is_ours(&self, read: &mut Queries) -> Result<bool, CallFailure> {
        let found: Option<(i64,)> = read
            .fetch_optional(
                sql!("SELECT token FROM offshoot_cursors WHERE subscription = $1 AND partition = $2"),
                (self.subscription, self.partition),
            )
            .await?;
        Ok(found == Some((self.token,)))
    }

    /// Notes that everything up to `position` is handled.
    pub(crate) async fn advance(
        &self,
        tx: &mut Tx<'_>,
        log: LogSeen,
        position: i64,
        current_at: Option<Timestamp>,
    ) -> Result<(), CallFailure> {
        let moved = tx
            .execute(
                sql!(
                    "UPDATE offshoot_cursors SET log_id = $4, removed = $5, position = $6, \
                     current_at = COALESCE($7, current_at), held = NULL WHERE subscription = $1 AND partition = $2 AND token = $3"
                ),
                (
                    self.subscription,
                    self.partition,
                    self.token,
                    log.id,
                    log.removed,
                    position,
                    current_at,
                ),
            )
            .await?;
        self.require(moved)
    }

    /// Notes why nothing is handled.
    pub(crate) async fn hold(&self, tx: &mut Tx<'_>, why: &str) -> Result<(), CallFailure> {
        let noted = tx
            .execute(
                sql!("UPDATE offshoot_cursors SET held = $4 WHERE subscription = $1 AND partition = $2 AND token = $3"),
                (self.subscription, self.partition, self.token, why),
            )
            .await?;
        self.require(noted)
    }

    /// Notes that the copy has been emptied.
    pub(crate) async fn begin_anew(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        let noted = tx
            .execute(
                sql!(
                    "UPDATE offshoot_cursors SET rebuild = false, current_at = NULL \
                     WHERE subscription = $1 AND partition = $2 AND token = $3"
                ),
                (self.subscription, self.partition, self.token),
            )
            .await?;
        self.require(noted)
    }

    fn require(&self, changed: u64) -> Result<(), CallFailure> {
        if changed > 0 {
            return Ok(());
        }
        let why = format!(
            "{}/{} was taken up by another worker",
            self.subscription, self.partition
        );
        Err(CallFailure::not_executed(FailureKind::Unavailable, why))
    }
}
