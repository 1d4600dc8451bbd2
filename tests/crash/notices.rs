//! What customers were told, which is only added to: the plainest witness of how often and in which order events took
//! effect.

use std::collections::{BTreeSet, HashMap};

use offshoot_tests::{Data, MODULES};

use super::rows::texts;
use super::told;

/// Customers were told once of each turn that they are told of, in the order of each order's own.
pub(super) async fn each_was_written_once(data: &Data) {
    if !MODULES.contains(&"notifications") {
        return;
    }
    let sql = "SELECT position || ' ' || key FROM {m}notices ORDER BY number";
    let mut written = BTreeSet::new();
    let mut last = HashMap::new();
    for notice in texts(data, "notifications", sql).await {
        let (position, key) = notice.split_once(' ').expect("two parts");
        let (position, key) = (position.parse::<i64>().expect("a number"), key.to_owned());
        assert!(written.insert(position), "the event at {position} took effect twice");
        let before = last.insert(key.clone(), position).unwrap_or(0);
        assert!(before < position, "of {key}, {before} took effect before {position}");
    }
    let told = told::by_the_orders(data).await;
    let told = told.iter().filter(|told| told.is_own() && told.name != "order-placed");
    let told: BTreeSet<_> = told.map(|told| told.position).collect();
    let lost: Vec<_> = told.difference(&written).collect();
    let invented: Vec<_> = written.difference(&told).collect();
    assert!(
        lost.is_empty() && invented.is_empty(),
        "without effect: {lost:?}; without an event: {invented:?}"
    );
}
