//! Interface between a module's event log and its subscribers: heads, read requests, pages.
//!
//! Knows neither the log's tables nor subscriptions.

use async_trait::async_trait;
use offshoot_contract::{CallFailure, Timestamp, fnv1a};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Number of hash buckets of keys. The number of partitions of a subscription is a power of two up to this number.
const BUCKETS: u64 = 64;

/// Position of a reader that leaves for good: retention keeps no event for the reader.
pub(crate) const AFTER_LEAVING: i64 = i64::MAX;

/// The bucket of a key: FNV-1a, folded. Stored with every event, so the function must never change.
pub(crate) fn bucket_of(key: &str) -> i32 {
    let hash = fnv1a(key);
    let folded = (hash >> 32) ^ hash;
    i32::try_from(folded % BUCKETS).unwrap_or(0)
}

/// Head of a log: the id, the last assigned position and the highest removed position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// UUID of the log. A log restored from a backup has another id.
    pub log_id: String,
    /// The last assigned position; 0 for an empty log.
    pub last: i64,
    /// The highest position removed by retention; 0 before the first removal.
    pub removed_through: i64,
}

/// Request for the events of one partition after a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// `<module>/<subscription>`. Retention keeps the events that a reader has not handled.
    pub reader: String,
    /// The last position that the reader has handled.
    pub after: i64,
    /// The partition, 0 to `partitions - 1`.
    pub partition: i32,
    /// Number of partitions: a power of two, at most 64.
    pub partitions: i32,
    /// Maximum number of events.
    pub limit: u32,
}

/// Page of a partition: the events after the requested position, in the order of their positions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// The head of the log at the time of the read.
    pub head: Head,
    /// The page has every event of the partition after the requested position, up to this position.
    pub through: i64,
    /// Time of the poll if the page reaches the end of the log: every event published before that time is at or before
    /// `through`. `None` if more events may follow.
    pub complete_at: Option<Timestamp>,
    /// The events; may be empty although more events follow.
    pub events: Vec<PublishedEvent>,
}

impl EventPage {
    /// Whether the page reached the last assigned position at the time of the read.
    pub(crate) fn is_last(&self) -> bool {
        self.through >= self.head.last
    }

    /// The page's events after `position`, in order and without duplicates.
    ///
    /// A page may answer an earlier request, and may have events in any order and more than once. Events beyond `through`
    /// are dropped, because the page may lack other events there.
    pub(crate) fn normalized_after(mut self, position: i64) -> Self {
        let through = self.through;
        self.events
            .retain(|event| event.position > position && event.position <= through);
        self.events.sort_by_key(|event| event.position);
        self.events.dedup_by_key(|event| event.position);
        self.through = through.max(position);
        self
    }
}

/// An event in a log, as published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PublishedEvent {
    /// Position in the log. Positions rise from 1.
    pub position: i64,
    /// Name of the event.
    pub name: String,
    /// Version of the payload.
    pub version: u32,
    /// Key of the event: events of one key are handled in order.
    pub key: String,
    /// JSON, byte for byte as published.
    pub payload: String,
    /// Time of publication.
    pub at: Timestamp,
}

/// Source of a module's events: a log in this process or in another process.
#[async_trait]
pub trait EventSource: Send + Sync + 'static {
    /// The publishing module.
    fn module(&self) -> &'static str;

    /// The head of the log, as soon as its last position is beyond `beyond`, or after a timeout (long poll). Answers at once
    /// for `beyond` below zero.
    async fn head(&self, beyond: i64) -> Result<Head, CallFailure>;

    /// A page of the requested events.
    async fn read(&self, request: &ReadRequest) -> Result<EventPage, CallFailure>;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use offshoot_contract::{ContractDescription, Shape, openapi};

    use super::*;

    fn page(positions: &[i64], through: i64) -> EventPage {
        let event = |position: &i64| PublishedEvent {
            position: *position,
            name: "counted".to_owned(),
            version: 1,
            key: "a".to_owned(),
            payload: "{}".to_owned(),
            at: Timestamp::from_micros(0).expect("0 is a valid timestamp"),
        };
        let head = Head {
            log_id: String::new(),
            last: through,
            removed_through: 0,
        };
        let events = positions.iter().map(event).collect();
        EventPage {
            head,
            through,
            complete_at: None,
            events,
        }
    }

    /// Compares names, types and required members, without descriptions.
    #[test]
    fn the_openapi_document_has_the_members_of_a_page() {
        let documented = openapi(&ContractDescription {
            name: "readings".to_owned(),
            version: "1.0".to_owned(),
            hash: String::new(),
            doc: String::new(),
            methods: Vec::new(),
            events: Vec::new(),
            schemas: BTreeMap::new(),
        });
        let documented = &documented["components"]["schemas"];
        let definitions = serde_json::from_value(documented.clone()).expect("the schemas are an object");
        for (name, schema) in [
            ("EventLogHead", schemars::schema_for!(Head)),
            ("EventLogPage", schemars::schema_for!(EventPage)),
            ("EventLogEntry", schemars::schema_for!(PublishedEvent)),
        ] {
            let schema = schema.to_value();
            let own = serde_json::from_value(schema["$defs"].clone()).unwrap_or_default();
            let plain = |shape: Shape| {
                let shape = serde_json::to_string(&shape).expect("a shape serializes");
                // A UUID is a text here.
                shape.replace("\"uuid\"", "null")
            };
            assert_eq!(
                plain(Shape::from_schema(&documented[name], &definitions)),
                plain(Shape::from_schema(&schema, &own)),
                "{name}"
            );
        }
    }

    #[test]
    fn buckets_are_those_of_the_protocol_page() {
        let page = include_str!("../../rest/PROTOCOL.md");
        let rows = page.lines().skip_while(|line| *line != "| key | bucket |").skip(2);
        let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 3);
        for row in rows {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            assert_eq!(bucket_of(cells[1].trim_matches('`')).to_string(), cells[2], "{row}");
        }
    }

    #[test]
    fn a_page_is_normalized_whatever_order_and_duplicates_it_has() {
        for (sent, through, handled, up_to) in [
            (&[5, 6][..], 6, &[5, 6][..], 6),
            (&[6, 5], 6, &[5, 6], 6),
            (&[3, 4, 5, 5, 6, 4], 7, &[5, 6], 7),
            // No new event, and a position that was complete before.
            (&[2, 3], 3, &[], 4),
            (&[], 9, &[], 9),
            // An event beyond `through` is requested again.
            (&[5, 8], 6, &[5], 6),
        ] {
            let page = page(sent, through).normalized_after(4);
            let positions: Vec<_> = page.events.iter().map(|event| event.position).collect();
            assert_eq!((&positions[..], page.through), (handled, up_to), "{sent:?}");
        }
    }
}
