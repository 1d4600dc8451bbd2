//! The logs of the modules: whole, and what they tell is what the tables say.

use std::collections::HashMap;

use offshoot_tests::{Data, MODULES};
use orders_api::OrderId;
use serde_json::Value;

use super::rows::{digits, texts};

/// An event of the orders.
pub(super) struct Told {
    pub(super) position: i64,
    pub(super) name: String,
    pub(super) key: String,
    /// The order as it was then.
    pub(super) order: Value,
}

impl Told {
    /// Of an order of this store, not of a sale elsewhere.
    pub(super) fn is_own(&self) -> bool {
        self.order["number"].is_null()
    }
}

/// Every event has a position, and there are as many as the last one says.
pub(super) async fn every_log_is_whole(data: &Data) {
    let last = match data.database() {
        Some(_) => "(SELECT GREATEST(removed, (SELECT max(position) FROM {m}offshoot_events)) FROM {m}offshoot_log)",
        None => "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'offshoot_events'), 0)",
    };
    for module in MODULES {
        let sql = format!(
            "SELECT count(*) || ' events, ' || count(DISTINCT position) || ' positions from ' || COALESCE(min(position), 1) \
             || ' to ' || COALESCE(max(position), 0) || ', the last given is ' || {last} FROM {{m}}offshoot_events"
        );
        let said = texts(data, module, &sql).await.remove(0);
        let count = said.split(' ').next().unwrap_or_default();
        let whole = format!("{count} events, {count} positions from 1 to {count}, the last given is {count}");
        assert_eq!(said, whole, "{module}");
    }
}

/// What the orders told, in the order of the log.
pub(super) async fn by_the_orders(data: &Data) -> Vec<Told> {
    let sql =
        "SELECT position || ' ' || name || ' ' || key || ' ' || payload FROM {m}offshoot_events ORDER BY position";
    let told = texts(data, "orders", sql).await;
    let told = told.iter().map(|row| {
        let mut parts = row.splitn(4, ' ');
        let mut next = || parts.next().expect("there are four").to_owned();
        Told {
            position: next().parse().expect("a position is a number"),
            name: next(),
            key: next(),
            order: serde_json::from_str(&next()).expect("a payload is JSON"),
        }
    });
    told.collect()
}

/// An order's turns, as its events are named, and what it says of itself at last.
#[derive(Default)]
struct Story {
    turns: Vec<String>,
    last: Value,
}

/// Each order has told how it came to where it is.
pub(crate) async fn orders_told_of_each_turn_once(data: &Data) {
    let mut stories = HashMap::<String, Story>::new();
    for told in by_the_orders(data).await {
        let id: OrderId = told.key.parse().expect("the key of an order's event is the order");
        let story = stories.entry(id.uuid().simple().to_string()).or_default();
        story.turns.push(told.name.trim_start_matches("order-").to_owned());
        story.last = told.order;
    }
    let sql = format!(
        "SELECT {} || ' ' || status || ' ' || (CASE WHEN number IS NULL THEN 'own' ELSE 'sale' END) || ' ' || \
         (SELECT count(*) FROM {{m}}returns WHERE order_id = id) FROM {{m}}orders",
        digits(data, "id")
    );
    let orders = texts(data, "orders", &sql).await;
    let mut own = 0;
    for order in &orders {
        let [id, status, origin, returns] = order.split(' ').collect::<Vec<_>>()[..] else {
            panic!("four parts, not {order}")
        };
        let story = stories.remove(id).unwrap_or_default();
        let turns = story.turns.join(" ");
        let back = turns.matches("returned").count() + turns.matches("cancelled").count();
        own += usize::from(origin == "own");
        assert!(
            turns_make(origin, status, &turns) && story.last["status"] == status && back.to_string() == returns,
            "{id} is {status}, came back {returns} times and told: {turns}"
        );
    }
    assert!(own > 0, "nothing was bought");
    assert!(stories.is_empty(), "there are no orders {:?}", stories.keys());
}

/// How many orders of this store there are of each status.
pub(super) async fn orders_by_status(data: &Data) -> String {
    let sql = "SELECT status || ': ' || count(*) FROM {m}orders WHERE number IS NULL GROUP BY status ORDER BY status";
    texts(data, "orders", sql).await.join(", ")
}

/// Whether these turns, each told once, lead to this status.
fn turns_make(origin: &str, status: &str, turns: &str) -> bool {
    let turns = turns.replace(" returned", "");
    match (origin, status) {
        ("sale", "confirmed") => turns == "confirmed",
        (_, "pending") => turns == "placed",
        (_, "confirmed") => turns == "placed confirmed",
        (_, "cancelled") => turns == "placed confirmed cancelled",
        // Goods may be gone when an order that was agreed ships at last.
        (_, "failed") => ["placed failed", "placed confirmed failed"].contains(&turns.as_str()),
        _ => false,
    }
}
