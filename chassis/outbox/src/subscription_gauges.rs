//! State of a module's subscriptions for metrics: bounded work, and no look at the publisher's log.

use std::collections::BTreeMap;
use std::sync::Arc;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::{Db, sql};

use crate::limits::OBSERVED_PARKED_MAX;
use crate::subscription::Subscription;
use crate::tail::Tail;

/// A subscription of a module in this process, with the publisher's log.
#[derive(Clone)]
pub struct FollowedLog {
    /// The subscription.
    pub subscription: Subscription,
    /// The log that the subscription follows.
    pub tail: Arc<Tail>,
}

impl FollowedLog {
    /// Events of the subscription that this process has handled, and of these the ones that failed and were parked.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        self.subscription.progress.counts()
    }
}

/// State of one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionGauges {
    /// The subscription.
    pub subscription: &'static str,
    /// The publishing module.
    pub publisher: &'static str,
    /// Positions between the cursor of the slowest partition and the end of the log. `None` while the end of the log is
    /// unknown, because the publisher has not answered.
    pub lag: Option<i64>,
    /// Events that are retried, or wait behind an earlier event of their key.
    pub parked: i64,
    /// Events whose attempts are exhausted.
    pub dead_letters: i64,
    /// Every event published before this time is handled; an event that is parked or a dead letter is not. Up to ten
    /// seconds too early, because the cursor of an idle partition is stored so rarely. `None`: no event waits.
    pub oldest_at: Option<Timestamp>,
    /// Partitions that handle nothing until an operator decides.
    pub held_partitions: i64,
}

offshoot_db::row! {
    struct CursorRow {
        subscription: String,
        partition: i32,
        position: i64,
        current_at: Option<Timestamp>,
        is_held: bool,
    }
}

offshoot_db::row! {
    struct ParkedRow {
        subscription: String,
        all_parked: i64,
        dead_letters: i64,
        oldest_at: Option<Timestamp>,
    }
}

/// State of the subscriptions `followed` of the module whose data is `db`.
pub async fn subscription_gauges(
    db: &Db,
    cx: &mut CallContext,
    followed: &[FollowedLog],
) -> Result<Vec<SubscriptionGauges>, CallFailure> {
    if followed.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = db.read(cx).await?;
    let cursors: Vec<CursorRow> = read
        .fetch_all(
            sql!(
                "SELECT subscription, partition, position, current_at, \
                    CASE WHEN held IS NULL THEN false ELSE true END AS is_held FROM offshoot_cursors"
            ),
            (),
        )
        .await?;
    let parked: Vec<ParkedRow> = read
        .fetch_all(
            sql!(
                "SELECT subscription, CAST(count(*) AS bigint) AS all_parked, \
                    CAST(count(*) FILTER (WHERE attempts > 0 AND due_at IS NULL) AS bigint) AS dead_letters, \
                    min(at) AS oldest_at \
                 FROM (SELECT subscription, attempts, due_at, at FROM offshoot_parked \
                    ORDER BY subscription, attempts, due_at, at LIMIT $1) bounded GROUP BY subscription"
            ),
            (OBSERVED_PARKED_MAX,),
        )
        .await?;
    let parked: BTreeMap<_, _> = parked.into_iter().map(|row| (row.subscription.clone(), row)).collect();
    let gauges = followed.iter().map(|followed| {
        let name = followed.subscription.name();
        let cursors: Vec<_> = cursors.iter().filter(|row| row.subscription == name).collect();
        gauges(followed, &cursors, parked.get(name))
    });
    Ok(gauges.collect())
}

fn gauges(followed: &FollowedLog, cursors: &[&CursorRow], parked: Option<&ParkedRow>) -> SubscriptionGauges {
    let subscription = &followed.subscription;
    let last = followed.tail.last();
    let lags = cursors.iter().map(|row| {
        let position = subscription.progress.position(row.partition).unwrap_or(row.position);
        (last.map_or(0, |last| (last - position).max(0)), row.current_at)
    });
    let lags: Vec<_> = lags.collect();
    let waiting_since = lags
        .iter()
        .filter(|(lag, _)| *lag > 0)
        .filter_map(|(_, current_at)| *current_at);
    let all_parked = parked.map_or(0, |row| row.all_parked);
    let dead_letters = parked.map_or(0, |row| row.dead_letters);
    SubscriptionGauges {
        subscription: subscription.name(),
        publisher: subscription.module(),
        lag: last.map(|_| lags.iter().map(|(lag, _)| *lag).max().unwrap_or(0)),
        parked: all_parked - dead_letters,
        dead_letters,
        oldest_at: waiting_since.chain(parked.and_then(|row| row.oldest_at)).min(),
        held_partitions: cursors.iter().map(|row| i64::from(row.is_held)).sum(),
    }
}
