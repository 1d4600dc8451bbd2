//! A copy of another module's data in one's own tables, kept by events: asked without a call, also while the other module
//! is away.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallFailure, EventSet, Timestamp};
use offshoot_db::{Queries, Tx, sql};

use crate::subscription::{Delivered, Rejection};

/// A copy. Its tables are `derived` in `tables.toml`: what is in them comes from events alone, so that emptying them and
/// handling every event again gives the same.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Whose events.
    type Event: EventSet;

    /// Brings the copy up to date with these events, which are in order. Several of one key may be among them.
    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<Self::Event>]) -> Result<(), Rejection>;

    /// Empties the copy.
    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure>;
}

/// The last event of each key, by key: all that a copy of whole states takes from a batch, and one row per key, as a
/// statement that inserts or updates must have it.
#[must_use]
pub fn latest<E: EventSet>(events: &[Delivered<E>]) -> Vec<&Delivered<E>> {
    let by_key: BTreeMap<String, &Delivered<E>> = events.iter().map(|each| (each.event.key(), each)).collect();
    by_key.into_values().collect()
}

/// How old a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It has never been up to date: it is being filled.
    Filling,
    /// It has everything that was announced before this time, which may be a few seconds ago although nothing has changed.
    CurrentAt(Timestamp),
}

impl Age {
    /// For how long the copy may have missed something; none while it is being filled.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Option<Duration> {
        match self {
            Age::Filling => None,
            Age::CurrentAt(then) => {
                let micros = now.as_micros().saturating_sub(then.as_micros());
                Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
            }
        }
    }
}

/// How old the copy of this subscription is, to be asked in the same read as the copy.
pub async fn age(read: &mut Queries, subscription: &str) -> Result<Age, CallFailure> {
    let current: Option<(Option<Timestamp>,)> = read
        .fetch_optional(
            sql!("SELECT current_at FROM offshoot_cursors WHERE subscription = $1 AND partition = 0 AND NOT rebuild"),
            (subscription,),
        )
        .await?;
    Ok(current.and_then(|(at,)| at).map_or(Age::Filling, Age::CurrentAt))
}
