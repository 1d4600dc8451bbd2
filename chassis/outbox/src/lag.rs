//! Lag of a partition: the number of its own events beyond its cursor. Events of other partitions do not count.

use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::{Db, Sql, sql};
use serde::Serialize;

/// Maximum number of events, of all partitions, that one count scans. Scanning a million events is slow.
pub const LAG_SCAN_MAX: i64 = 10_000;

offshoot_db::row! {
    /// Lag of one partition.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    pub struct Lag {
        /// Number of the partition's events beyond the cursor, with or without a position.
        pub events: i64,
        /// Whether the scan reached the end of the log. Otherwise `events` is a lower bound.
        pub is_exact: bool,
    }
}

/// Counts the [`Lag`] in the publisher's data, from the parameters of [`Lag::params`].
pub const COUNT_LAG: Sql = sql!(
    sqlite: "SELECT count(*) FILTER (WHERE bucket % $2 = $3) AS events, count(*) < $4 AS is_exact FROM (\
                SELECT bucket FROM offshoot_events WHERE position > $1 ORDER BY position LIMIT $4) later",
    postgres: "SELECT count(*) FILTER (WHERE bucket % $2 = $3) AS events, count(*) < $4 AS is_exact FROM (\
                SELECT bucket FROM (\
                    (SELECT bucket FROM offshoot_events WHERE position > $1 ORDER BY position LIMIT $4) \
                    UNION ALL \
                    (SELECT bucket FROM offshoot_events WHERE position IS NULL ORDER BY id LIMIT $4)\
                ) numbered_and_not LIMIT $4) later",
);

impl Lag {
    /// Parameters of [`COUNT_LAG`] for partition `partition` of `partitions`, with the cursor at `position`.
    #[must_use]
    pub const fn params(position: i64, partitions: i32, partition: i32) -> (i64, i32, i32, i64) {
        (position, partitions, partition, LAG_SCAN_MAX)
    }

    /// Whether the partition has handled or parked every event.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.events == 0 && self.is_exact
    }
}

/// Counts the lag of partition `partition` of `partitions`, with the cursor at `position`, in the publisher's data `log`.
pub async fn count_lag(
    log: &Db,
    cx: &mut CallContext,
    position: i64,
    partitions: i32,
    partition: i32,
) -> Result<Lag, CallFailure> {
    let params = Lag::params(position, partitions, partition);
    log.read(cx).await?.fetch_one(COUNT_LAG, params).await
}
