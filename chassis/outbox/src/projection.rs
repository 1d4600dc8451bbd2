//! Projections: another module's data in the subscriber's own tables, kept current by events.
//!
//! A projection is read without a call, also while the other module is unavailable.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallFailure, EventSet, Timestamp};
use offshoot_db::{Queries, Tx, sql};

use crate::delivery::{Delivered, Rejection};

/// Applies another module's events to tables of the subscriber.
///
/// The tables are `derived` in `tables.toml`: their rows come from events alone, so clearing the tables and handling every
/// event again gives the same rows.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Events of the other module.
    type Event: EventSet;

    /// Applies `events`, which are in order. Several events may have the same key.
    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<Self::Event>]) -> Result<(), Rejection>;

    /// Empties the projection's tables.
    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure>;
}

/// The last event of each key, ordered by key.
///
/// A projection of whole states needs only the last event of a key, and an upsert statement must not contain a key twice.
#[must_use]
pub fn latest_per_key<E: EventSet>(events: &[Delivered<E>]) -> Vec<&Delivered<E>> {
    let by_key: BTreeMap<String, &Delivered<E>> = events.iter().map(|each| (each.event.key(), each)).collect();
    by_key.into_values().collect()
}

/// How current a projection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// The projection is new or was cleared for a rebuild, and has no event yet.
    Filling,
    /// The projection has every event published before this time. The time may be a few seconds old although no event was
    /// published since.
    CurrentAt(Timestamp),
}

impl Age {
    /// Longest time for which the projection may lack an event; `None` for [`Age::Filling`].
    #[must_use]
    pub fn staleness_at(self, now: Timestamp) -> Option<Duration> {
        match self {
            Age::Filling => None,
            Age::CurrentAt(then) => {
                let micros = now.as_micros().saturating_sub(then.as_micros());
                Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
            }
        }
    }
}

/// Reads how current the projection of a subscription is. Call within the same read as the projection's tables.
pub async fn read_age(read: &mut Queries, subscription: &str) -> Result<Age, CallFailure> {
    let current: Option<(Option<Timestamp>,)> = read
        .fetch_optional(
            sql!("SELECT current_at FROM offshoot_cursors WHERE subscription = $1 AND partition = 0 AND NOT rebuild"),
            (subscription,),
        )
        .await?;
    Ok(current.and_then(|(at,)| at).map_or(Age::Filling, Age::CurrentAt))
}
