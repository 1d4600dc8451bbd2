//! Customer notices: an append-only record of how often, and in which order, order events took effect.

use std::collections::{BTreeSet, HashMap};

use offshoot_tests::{Data, MODULES};

use super::event_log;
use super::raw_rows::select_texts;

/// Asserts that each order event led to exactly one notice, and that the notices of an order are in event order.
pub(super) async fn assert_one_notice_per_event(data: &Data) {
    if !MODULES.contains(&"notifications") {
        return;
    }
    let sql = "SELECT position || ' ' || key FROM {m}notices ORDER BY number";
    let mut written = BTreeSet::new();
    let mut last = HashMap::new();
    for notice in select_texts(data, "notifications", sql).await {
        let (position, key) = notice.split_once(' ').expect("two parts");
        let (position, key) = (position.parse::<i64>().expect("a number"), key.to_owned());
        assert!(written.insert(position), "the event at {position} took effect twice");
        let previous = last.insert(key.clone(), position).unwrap_or(0);
        assert!(
            previous < position,
            "{key}: the event at {previous} took effect before the event at {position}"
        );
    }
    let events = event_log::order_events(data).await;
    let announced = events
        .iter()
        .filter(|event| event.is_own() && event.name != "order-placed");
    let announced: BTreeSet<_> = announced.map(|event| event.position).collect();
    let lost: Vec<_> = announced.difference(&written).collect();
    let invented: Vec<_> = written.difference(&announced).collect();
    assert!(
        lost.is_empty() && invented.is_empty(),
        "events without a notice: {lost:?}; notices without an event: {invented:?}"
    );
}
