//! Event logs of the modules: complete, and consistent with the tables.

use std::collections::HashMap;

use offshoot_tests::{Data, MODULES};
use orders_api::OrderId;
use serde_json::Value;

use super::raw_rows::{select_texts, uuid_digits};

/// An event of the orders module.
pub(super) struct OrderEvent {
    pub(super) position: i64,
    pub(super) name: String,
    pub(super) key: String,
    /// The payload: the order after the change.
    pub(super) order: Value,
}

impl OrderEvent {
    /// Whether the order was placed in this store; imported sales have a number.
    pub(super) fn is_own(&self) -> bool {
        self.order["number"].is_null()
    }
}

/// Asserts that the positions of each log are consecutive from 1 to the last position.
pub(super) async fn assert_logs_are_complete(data: &Data) {
    let last = match data.database() {
        Some(_) => {
            "(SELECT GREATEST(removed_through, (SELECT max(position) FROM {m}offshoot_events)) FROM {m}offshoot_log)"
        }
        None => "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'offshoot_events'), 0)",
    };
    for module in MODULES {
        let sql = format!(
            "SELECT count(*) || ' events, ' || count(DISTINCT position) || ' positions from ' || COALESCE(min(position), 1) \
             || ' to ' || COALESCE(max(position), 0) || ', the last given is ' || {last} FROM {{m}}offshoot_events"
        );
        let found = select_texts(data, module, &sql).await.remove(0);
        let count = found.split(' ').next().unwrap_or_default();
        let expected = format!("{count} events, {count} positions from 1 to {count}, the last given is {count}");
        assert_eq!(found, expected, "{module}");
    }
}

/// All events of the orders module, in log order.
pub(super) async fn order_events(data: &Data) -> Vec<OrderEvent> {
    let sql =
        "SELECT position || ' ' || name || ' ' || key || ' ' || payload FROM {m}offshoot_events ORDER BY position";
    let rows = select_texts(data, "orders", sql).await;
    let events = rows.iter().map(|row| {
        let mut parts = row.splitn(4, ' ');
        let mut next = || parts.next().expect("a row has four parts").to_owned();
        OrderEvent {
            position: next().parse().expect("a position is a number"),
            name: next(),
            key: next(),
            order: serde_json::from_str(&next()).expect("a payload is JSON"),
        }
    });
    events.collect()
}

/// The transitions of an order, named by the events, and the payload of the last event.
#[derive(Default)]
struct History {
    transitions: Vec<String>,
    last: Value,
}

/// Asserts that each order published every transition up to the current status exactly once.
pub(crate) async fn assert_orders_published_each_transition_once(data: &Data) {
    let mut histories = HashMap::<String, History>::new();
    for event in order_events(data).await {
        let id: OrderId = event.key.parse().expect("the key of an order event is the order's id");
        let history = histories.entry(id.uuid().simple().to_string()).or_default();
        history
            .transitions
            .push(event.name.trim_start_matches("order-").to_owned());
        history.last = event.order;
    }
    let sql = format!(
        "SELECT {} || ' ' || status || ' ' || (CASE WHEN number IS NULL THEN 'own' ELSE 'sale' END) || ' ' || \
         (SELECT count(*) FROM {{m}}returns WHERE order_id = id) FROM {{m}}orders",
        uuid_digits(data, "id")
    );
    let orders = select_texts(data, "orders", &sql).await;
    let mut own = 0;
    for order in &orders {
        let [id, status, origin, returns] = order.split(' ').collect::<Vec<_>>()[..] else {
            panic!("expected four parts, found {order}")
        };
        let history = histories.remove(id).unwrap_or_default();
        let transitions = history.transitions.join(" ");
        let returned = transitions.matches("returned").count() + transitions.matches("cancelled").count();
        own += usize::from(origin == "own");
        assert!(
            is_history_of(origin, status, &transitions)
                && history.last["status"] == status
                && returned.to_string() == returns,
            "{id} is {status}, has {returns} returns and published: {transitions}"
        );
    }
    assert!(own > 0, "no order was placed in this store");
    assert!(histories.is_empty(), "events of unknown orders: {:?}", histories.keys());
}

/// The number of this store's orders by status, in one line.
pub(super) async fn orders_by_status(data: &Data) -> String {
    let sql = "SELECT status || ': ' || count(*) FROM {m}orders WHERE number IS NULL GROUP BY status ORDER BY status";
    select_texts(data, "orders", sql).await.join(", ")
}

/// Whether these transitions, each published once, lead to `status`.
fn is_history_of(origin: &str, status: &str, transitions: &str) -> bool {
    let transitions = transitions.replace(" returned", "");
    match (origin, status) {
        ("sale", "confirmed") => transitions == "confirmed",
        (_, "pending") => transitions == "placed",
        (_, "confirmed") => transitions == "placed confirmed",
        (_, "cancelled") => transitions == "placed confirmed cancelled",
        // A confirmed order fails if the stock is gone when the order ships.
        (_, "failed") => ["placed failed", "placed confirmed failed"].contains(&transitions.as_str()),
        _ => false,
    }
}
