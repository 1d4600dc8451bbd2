//! How the projection applies order events.

use offshoot_contract::{CallContext, Money};
use offshoot_outbox::{Projection, Rejection};
use orders_api::v1::{OrderLineSnapshot, OrderSnapshot, OrderStatus};
use reporting::OrdersProjection;
use reporting_api::v1::Dimension;

use crate::T;
use crate::order_events::{by, deliver, deliver_sample_orders, line, order, rows, with_status};

pub(crate) async fn an_order_counts_in_its_latest_state(t: T) {
    let confirmed = order(
        "2011-01-31T23:59:59Z",
        "France",
        vec![line("A", 3, 0, "7.65"), line("B", 2, 0, "2.00")],
    );
    let returned = OrderSnapshot {
        lines: vec![line("A", 3, 2, "7.65"), line("B", 2, 0, "2.00")],
        ..confirmed.clone()
    };
    let placed = with_status(&confirmed, OrderStatus::Pending);
    deliver(&t, vec![(1, placed)]).await.unwrap();
    assert_eq!(
        rows(&t, by(&[Dimension::Status])).await,
        ["pending | 1 0 0.00 0.00 0.00"]
    );
    // Of two events of one order in a batch, only the last counts.
    deliver(&t, vec![(2, confirmed), (3, returned)]).await.unwrap();
    assert_eq!(
        rows(&t, by(&[Dimension::Status])).await,
        ["confirmed | 1 3 9.65 5.10 4.55"]
    );
    assert_eq!(
        rows(&t, by(&[Dimension::Product])).await,
        ["A | 1 1 7.65 5.10 2.55", "B | 1 2 2.00 0.00 2.00"]
    );
}

pub(crate) async fn an_older_event_changes_nothing(t: T) {
    let confirmed = order("2011-01-31T23:59:59Z", "France", vec![line("A", 3, 0, "7.65")]);
    deliver(&t, vec![(7, confirmed.clone())]).await.unwrap();
    let questions = || [by(&[]), by(&[Dimension::Product])];
    let mut before = Vec::new();
    for question in questions() {
        before.push(rows(&t, question).await);
    }
    for position in [6, 7] {
        let placed = with_status(&confirmed, OrderStatus::Pending);
        deliver(&t, vec![(position, placed)]).await.unwrap();
        for (question, before) in questions().into_iter().zip(&before) {
            assert_eq!(rows(&t, question).await, *before);
        }
    }
}

pub(crate) async fn a_rebuilt_projection_is_the_same(t: T) {
    let question = || by(&[Dimension::Month, Dimension::Country, Dimension::Product]);
    deliver_sample_orders(&t).await;
    let before = rows(&t, question()).await;
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    OrdersProjection.clear(&mut tx).await.unwrap();
    tx.commit_part().await.unwrap();
    for empty in [by(&[]), by(&[Dimension::Product])] {
        assert_eq!(rows(&t, empty).await, Vec::<String>::new());
    }
    deliver_sample_orders(&t).await;
    assert_eq!(rows(&t, question()).await, before);
}

pub(crate) async fn a_total_out_of_range_rejects_the_event(t: T) {
    let large = OrderLineSnapshot {
        line_total: Money::new(i64::MAX, Money::GBP),
        ..line("A", 1, 0, "1.00")
    };
    let mut too_large = order("2011-01-31T23:59:59Z", "France", vec![line("A", 1, 0, "1.00")]);
    too_large.lines = vec![large.clone(), large];
    let refused = deliver(&t, vec![(1, too_large)]).await.unwrap_err();
    assert!(matches!(refused, Rejection::Event(_)), "{refused}");
}
