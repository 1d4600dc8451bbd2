//! Cancellations of orders.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use orders_api::OrderId;
use orders_api::v1::{OrderStatus, OrdersError, Return};

use crate::T;
use crate::fixture::{LEASE, confirmed_order, interrupt_checkout, line, order_of_cart, pounds, read, spawn_checkout};
use crate::invariants;
use crate::sales::{an_invoice, record};
use crate::stub_payments::DECLINED;
use offshoot_testkit::{Fault, Gate};

pub(crate) async fn a_cancellation_refunds_and_restocks_everything(t: T) {
    let order = confirmed_order(&t, &[2, 3]).await;
    t.clock.advance(Duration::from_secs(1));
    let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    let mut expected = order.clone();
    expected.status = OrderStatus::Cancelled;
    expected.refunded = order.total;
    for line in &mut expected.lines {
        line.returned = line.quantity;
    }
    expected.returns = vec![Return {
        number: 1,
        lines: vec![line(1, 2), line(2, 3)],
        refund: order.total,
        cancellation: true,
        at: t.clock.now(),
    }];
    expected.updated_at = t.clock.now();
    assert_eq!(cancelled, expected);
    assert_eq!(read(&t, order.id).await, expected);
    assert_eq!(
        t.fakes.inventory.returned_references(),
        [format!("{}.restock-1.1", order.id), format!("{}.restock-1.2", order.id)]
    );
    assert_eq!(
        t.fakes.payments.refunds(),
        [(format!("{}.refund-1", order.id), order.total)]
    );

    t.clock.advance(Duration::from_secs(1));
    assert_eq!(t.api.cancel(&mut t.cx(), order.id).await, Ok(expected));
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_cancellation_after_a_return_covers_the_rest(t: T) {
    let order = confirmed_order(&t, &[2, 3]).await;
    let lines = vec![line(1, 2), line(2, 1)];
    t.api.return_goods(&mut t.cx(), order.id, lines).await.unwrap();
    let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    let last = cancelled.returns.last().unwrap();
    assert_eq!((last.number, last.lines.as_slice()), (2, &[line(2, 2)][..]));
    assert_eq!((last.refund, last.cancellation), (pounds("5.10"), true));
    assert_eq!(cancelled.refunded, order.total);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_cancellation_after_full_returns_refunds_nothing(t: T) {
    let order = confirmed_order(&t, &[2]).await;
    t.api
        .return_goods(&mut t.cx(), order.id, vec![line(1, 2)])
        .await
        .unwrap();
    let refunds = t.fakes.payments.refunds();
    let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(
        (cancelled.status, cancelled.refunded),
        (OrderStatus::Cancelled, order.total)
    );
    let last = cancelled.returns.last().unwrap();
    assert_eq!((last.lines.as_slice(), last.refund), (&[][..], pounds("0")));
    assert_eq!(t.fakes.payments.refunds(), refunds);
    // A cancellation of zero counts as a credit.
    let revenue = t
        .api
        .revenue(&mut t.cx(), orders_api::v1::RevenueBy::Month)
        .await
        .unwrap();
    assert_eq!((revenue.rows[0].sales, revenue.rows[0].credits), (1, 2));
    invariants::assert_hold(&t).await;
}

pub(crate) async fn an_order_with_an_open_saga_cannot_be_cancelled(t: T) {
    for method in ["commit", "capture"] {
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
        let gate = Gate::closed();
        t.fakes.inject(method, Fault::CallDelayed(Arc::clone(&gate)));
        let buying = spawn_checkout(&t, t.cx(), cart);
        gate.wait_until_reached().await;
        let id = order_of_cart(&t, cart).await.id;
        for _ in 0..2 {
            assert_eq!(t.api.cancel(&mut t.cx(), id).await, Err(OrdersError::OrderBusy { id }));
            let returning = t.api.return_goods(&mut t.cx(), id, vec![line(1, 1)]).await;
            assert_eq!(returning, Err(OrdersError::OrderBusy { id }));
            // An expired lease does not permit a cancellation: the saga has to end first.
            t.clock.advance(LEASE);
        }
        gate.open();
        buying.await.unwrap().unwrap();
        t.api.cancel(&mut t.cx(), id).await.unwrap();
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn only_confirmed_orders_of_this_store_can_be_cancelled(t: T) {
    let id = OrderId::new(t.clock.now());
    assert_eq!(
        t.api.cancel(&mut t.cx(), id).await,
        Err(OrdersError::UnknownOrder { id })
    );

    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    let id = interrupt_checkout(&t, "reserve", cart, "one").await.id;
    for is in [OrderStatus::Pending, OrderStatus::Failed] {
        assert_eq!(
            t.api.cancel(&mut t.cx(), id).await,
            Err(OrdersError::NotConfirmed { id, is })
        );
        t.clock.advance(LEASE);
        t.fakes.resume().await;
    }
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    crate::fixture::checkout(&t, cart, DECLINED).await.unwrap_err();
    let (id, is) = (order_of_cart(&t, cart).await.id, OrderStatus::Failed);
    assert_eq!(
        t.api.cancel(&mut t.cx(), id).await,
        Err(OrdersError::NotConfirmed { id, is })
    );

    let id = record(&t, an_invoice("536365")).await;
    let number = "536365".to_owned();
    assert_eq!(
        t.api.cancel(&mut t.cx(), id).await,
        Err(OrdersError::SoldElsewhere { id, number })
    );
}

pub(crate) async fn concurrent_cancellations_refund_once(t: T) {
    let order = confirmed_order(&t, &[2]).await;
    let tasks = (0..5).map(|_| {
        let (api, mut cx) = (Arc::clone(&t.once), t.cx());
        tokio::spawn(async move { api.cancel(&mut cx, order.id).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(cancelled) => assert_eq!(cancelled.status, OrderStatus::Cancelled),
            Err(OrdersError::OrderBusy { id }) => assert_eq!(id, order.id),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(t.fakes.payments.refunds().len(), 1);
    invariants::assert_hold(&t).await;
}
