//! How the copy follows what is announced.

use offshoot_contract::{CallContext, Money};
use offshoot_outbox::{Projection, Rejection};
use orders_api::v1::{LineNews, OrderNews, OrderStatus};
use reporting::CopyOfOrders;
use reporting_api::v1::Dimension;

use crate::T;
use crate::news::{a_store, by, hear, line, order, rows, with_status};

pub(crate) async fn an_order_counts_as_it_stands(t: T) {
    let confirmed = order(
        "2011-01-31T23:59:59Z",
        "France",
        vec![line("A", 3, 0, "7.65"), line("B", 2, 0, "2.00")],
    );
    let returned = OrderNews {
        lines: vec![line("A", 3, 2, "7.65"), line("B", 2, 0, "2.00")],
        ..confirmed.clone()
    };
    let placed = with_status(&confirmed, OrderStatus::Pending);
    hear(&t, vec![(1, placed)]).await.unwrap();
    assert_eq!(
        rows(&t, by(&[Dimension::Status])).await,
        ["pending | 1 0 0.00 0.00 0.00"]
    );
    // Two turns in one batch: the last one counts.
    hear(&t, vec![(2, confirmed), (3, returned)]).await.unwrap();
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
    hear(&t, vec![(7, confirmed.clone())]).await.unwrap();
    let questions = || [by(&[]), by(&[Dimension::Product])];
    let mut before = Vec::new();
    for question in questions() {
        before.push(rows(&t, question).await);
    }
    for position in [6, 7] {
        let placed = with_status(&confirmed, OrderStatus::Pending);
        hear(&t, vec![(position, placed)]).await.unwrap();
        for (question, before) in questions().into_iter().zip(&before) {
            assert_eq!(rows(&t, question).await, *before);
        }
    }
}

pub(crate) async fn a_copy_made_anew_is_the_same(t: T) {
    let question = || by(&[Dimension::Month, Dimension::Country, Dimension::Product]);
    a_store(&t).await;
    let before = rows(&t, question()).await;
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    CopyOfOrders.clear(&mut tx).await.unwrap();
    tx.commit_part().await.unwrap();
    for empty in [by(&[]), by(&[Dimension::Product])] {
        assert_eq!(rows(&t, empty).await, Vec::<String>::new());
    }
    a_store(&t).await;
    assert_eq!(rows(&t, question()).await, before);
}

pub(crate) async fn a_sum_that_does_not_fit_is_the_events_fault(t: T) {
    let large = LineNews {
        line_total: Money::new(i64::MAX, Money::GBP),
        ..line("A", 1, 0, "1.00")
    };
    let mut endless = order("2011-01-31T23:59:59Z", "France", vec![line("A", 1, 0, "1.00")]);
    endless.lines = vec![large.clone(), large];
    let refused = hear(&t, vec![(1, endless)]).await.unwrap_err();
    assert!(matches!(refused, Rejection::Event(_)), "{refused}");
}
