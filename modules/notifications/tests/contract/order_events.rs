//! Builders of order events, and shortcuts to deliver events and to list notices.

use notifications::NoticeWriter;
use notifications_api::v1::{Notice, OrderId};
use offshoot_contract::{CallContext, Money, Timestamp};
use offshoot_outbox::{Delivered, Subscriber};
use orders_api::v1::{OrderSnapshot, OrderStatus, OrdersEvent};

use crate::T;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

/// A confirmed order of ten pounds.
pub(crate) fn an_order() -> OrderSnapshot {
    OrderSnapshot {
        order_id: OrderId::new(at(0)),
        status: OrderStatus::Confirmed,
        number: None,
        customer: "ada@example.com".to_owned(),
        country: "France".to_owned(),
        total: pounds("10.00"),
        refunded: pounds("0"),
        lines: Vec::new(),
        placed_at: at(0),
        at: at(1),
    }
}

/// Delivers events at these log positions, in one transaction.
pub(crate) async fn deliver(t: &T, events: Vec<(i64, OrdersEvent)>) {
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    for (position, event) in events {
        let at = at(position);
        let delivered = Delivered { event, position, at };
        NoticeWriter.handle(&mut tx, &delivered).await.unwrap();
    }
    tx.commit_part().await.unwrap();
}

pub(crate) async fn notices(t: &T, order: Option<OrderId>) -> Vec<Notice> {
    t.api.notices(&mut t.cx(), order, None, None).await.unwrap().items
}
