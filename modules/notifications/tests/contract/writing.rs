//! Order events and the notices that the module writes for them.

use orders_api::v1::{OrderSnapshot, OrderStatus, OrdersEvent};

use crate::T;
use crate::order_events::{an_order, at, deliver, notices, pounds};

pub(crate) async fn each_event_of_an_order_causes_a_notice_in_order(t: T) {
    let (order, other) = (an_order(), an_order());
    let returned = OrderSnapshot {
        refunded: pounds("2.50"),
        at: at(5),
        ..order.clone()
    };
    let cancelled = OrderSnapshot {
        status: OrderStatus::Cancelled,
        refunded: pounds("10.00"),
        ..order.clone()
    };
    let events = vec![
        (1, OrdersEvent::Confirmed(order.clone())),
        (2, OrdersEvent::Failed(other.clone())),
        (3, OrdersEvent::Returned(returned)),
    ];
    deliver(&t, events).await;
    deliver(&t, vec![(7, OrdersEvent::Cancelled(cancelled))]).await;
    let written = notices(&t, Some(order.order_id)).await;
    let id = order.order_id;
    let subjects: Vec<_> = written.iter().map(|notice| notice.subject.clone()).collect();
    assert_eq!(
        subjects,
        [
            format!("{id} is confirmed: 10.00 GBP"),
            format!("items of {id} were returned: 2.50 GBP refunded so far"),
            format!("{id} is cancelled: 10.00 GBP refunded"),
        ]
    );
    let positions: Vec<_> = written.iter().map(|notice| notice.position).collect();
    assert_eq!(positions, [1, 3, 7]);
    let second = &written[1];
    assert_eq!(
        (second.recipient.as_str(), second.at, second.order_id),
        ("ada@example.com", at(5), id)
    );
    assert_eq!(second.key, id.to_string());
    let of_other = notices(&t, Some(other.order_id)).await;
    assert_eq!(
        of_other[0].subject,
        format!("{} failed: nothing was charged", other.order_id)
    );
    let all: Vec<_> = notices(&t, None).await.iter().map(|notice| notice.position).collect();
    assert_eq!(all, [1, 2, 3, 7]);
}

pub(crate) async fn an_order_that_was_only_placed_has_no_notice(t: T) {
    deliver(&t, vec![(1, OrdersEvent::Placed(an_order()))]).await;
    assert_eq!(notices(&t, None).await, []);
}

pub(crate) async fn an_imported_sale_has_no_notice(t: T) {
    let sale = OrderSnapshot {
        number: Some("536365".to_owned()),
        ..an_order()
    };
    deliver(&t, vec![(1, OrdersEvent::Confirmed(sale))]).await;
    assert_eq!(notices(&t, None).await, []);
}

/// A repeated delivery must be visible: the module hides no defect of the outbox.
pub(crate) async fn an_event_delivered_twice_causes_two_notices(t: T) {
    let order = an_order();
    for _ in 0..2 {
        deliver(&t, vec![(1, OrdersEvent::Confirmed(order.clone()))]).await;
    }
    assert_eq!(notices(&t, Some(order.order_id)).await.len(), 2);
}
