//! Where a subscription reads a module's events: the seam between the log and those who handle it. Knows neither.

use async_trait::async_trait;
use offshoot_contract::{CallFailure, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parts into which keys are divided. A subscription has a power of two of partitions, at most as many.
const BUCKETS: u64 = 64;

/// The part of the keys that a key belongs to, for ever: FNV-1a, folded.
pub(crate) fn bucket_of(key: &str) -> i32 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (hash >> 32) ^ hash;
    i32::try_from(folded % BUCKETS).unwrap_or(0)
}

/// The state of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// A UUID: names this log. Another one in its place has another id.
    pub log_id: String,
    /// The last position given.
    pub last: i64,
    /// The highest position that was removed for its age; 0 if none was.
    pub removed: i64,
}

/// What a reader asks for: the events of one partition after a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who reads: the log is kept at least until there.
    pub reader: String,
    /// Everything up to here is handled.
    pub after: i64,
    /// The partition, of so many.
    pub partition: i32,
    /// How many partitions the keys are divided into: a power of two, at most 64.
    pub of: i32,
    /// At most so many events.
    pub limit: u32,
}

/// Events in the order of their positions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// The log that they are from.
    pub head: Head,
    /// The partition has no other events up to here.
    pub through: i64,
    /// If this is the end of the log, when that was found: nothing that was announced before lies beyond `through`. None where
    /// more may follow.
    pub complete_at: Option<Timestamp>,
    /// Some or none.
    pub events: Vec<Announced>,
}

impl EventPage {
    /// Whether no position beyond was given when it was read.
    pub(crate) fn is_last(&self) -> bool {
        self.through >= self.head.last
    }

    /// What of a page is to be handled where everything up to `position` is handled, in order, each event once.
    ///
    /// A page may have been answered to an earlier question, and its events in any order and more than once: an event's
    /// place is its position, wherever it comes. Only what is said to be complete, up to `through`, is taken.
    pub(crate) fn after(mut self, position: i64) -> Self {
        let through = self.through;
        self.events
            .retain(|event| event.position > position && event.position <= through);
        self.events.sort_by_key(|event| event.position);
        self.events.dedup_by_key(|event| event.position);
        self.through = through.max(position);
        self
    }
}

/// An event as it was announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Announced {
    /// Its place in the log; rises, without end.
    pub position: i64,
    /// Its name.
    pub name: String,
    /// The version of its payload.
    pub version: u32,
    /// Whose event it is.
    pub key: String,
    /// JSON, as it was written.
    pub payload: String,
    /// When.
    pub at: Timestamp,
}

/// A module's log, wherever it is.
#[async_trait]
pub trait EventSource: Send + Sync + 'static {
    /// The module whose events these are.
    fn module(&self) -> &'static str;

    /// The state of the log, as soon as its last position is beyond this one, or after a while. `beyond` below zero: at once.
    async fn head(&self, beyond: i64) -> Result<Head, CallFailure>;

    /// Some of the events asked for.
    async fn read(&self, ask: &Ask) -> Result<EventPage, CallFailure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(positions: &[i64], through: i64) -> EventPage {
        let event = |position: &i64| Announced {
            position: *position,
            name: "counted".to_owned(),
            version: 1,
            key: "a".to_owned(),
            payload: "{}".to_owned(),
            at: Timestamp::from_micros(0).expect("it is one"),
        };
        let head = Head {
            log_id: String::new(),
            last: through,
            removed: 0,
        };
        let events = positions.iter().map(event).collect();
        EventPage {
            head,
            through,
            complete_at: None,
            events,
        }
    }

    #[test]
    fn what_is_handled_comes_once_and_in_order_however_it_was_sent() {
        for (sent, through, handled, upto) in [
            (&[5, 6][..], 6, &[5, 6][..], 6),
            (&[6, 5], 6, &[5, 6], 6),
            (&[3, 4, 5, 5, 6, 4], 7, &[5, 6], 7),
            // Nothing new; and what was said to be complete before.
            (&[2, 3], 3, &[], 4),
            (&[], 9, &[], 9),
            // What lies behind a gap is asked for again.
            (&[5, 8], 6, &[5], 6),
        ] {
            let page = page(sent, through).after(4);
            let positions: Vec<_> = page.events.iter().map(|event| event.position).collect();
            assert_eq!((&positions[..], page.through), (handled, upto), "{sent:?}");
        }
    }
}
