//! Orders that are taken back as a whole.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use orders_api::OrderId;
use orders_api::v1::{OrderStatus, OrdersError, Return};

use crate::T;
use crate::books;
use crate::faults::{Fault, Gate};
use crate::sales::{an_invoice, record};
use crate::shop::{LEASE, bought, broken_off_at, buying, line, of_cart, pounds, read};
use crate::stub_payments::DECLINED;

pub(crate) async fn gives_all_back(t: T) {
    let order = bought(&t, &[2, 3]).await;
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
        t.world.inventory.returned(),
        [format!("{}.restock-1.1", order.id), format!("{}.restock-1.2", order.id)]
    );
    assert_eq!(
        t.world.payments.refunds(),
        [(format!("{}.refund-1", order.id), order.total)]
    );

    t.clock.advance(Duration::from_secs(1));
    assert_eq!(t.api.cancel(&mut t.cx(), order.id).await, Ok(expected));
    books::agree(&t).await;
}

pub(crate) async fn after_a_return_gives_the_rest_back(t: T) {
    let order = bought(&t, &[2, 3]).await;
    let back = vec![line(1, 2), line(2, 1)];
    t.api.return_goods(&mut t.cx(), order.id, back).await.unwrap();
    let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    let last = cancelled.returns.last().unwrap();
    assert_eq!((last.number, last.lines.as_slice()), (2, &[line(2, 2)][..]));
    assert_eq!((last.refund, last.cancellation), (pounds("5.10"), true));
    assert_eq!(cancelled.refunded, order.total);
    books::agree(&t).await;
}

pub(crate) async fn after_everything_came_back_gives_nothing(t: T) {
    let order = bought(&t, &[2]).await;
    t.api
        .return_goods(&mut t.cx(), order.id, vec![line(1, 2)])
        .await
        .unwrap();
    let refunds = t.world.payments.refunds();
    let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(
        (cancelled.status, cancelled.refunded),
        (OrderStatus::Cancelled, order.total)
    );
    let last = cancelled.returns.last().unwrap();
    assert_eq!((last.lines.as_slice(), last.refund), (&[][..], pounds("0")));
    assert_eq!(t.world.payments.refunds(), refunds);
    // It is one more credit all the same, and no sale.
    let revenue = t
        .api
        .revenue(&mut t.cx(), orders_api::v1::RevenueBy::Month)
        .await
        .unwrap();
    assert_eq!((revenue.rows[0].sales, revenue.rows[0].credits), (1, 2));
    books::agree(&t).await;
}

pub(crate) async fn waits_until_nothing_is_under_way(t: T) {
    for method in ["commit", "capture"] {
        let cart = t.world.cart(&[(t.world.sells(10), 2)]);
        let gate = Gate::closed();
        t.world.next(method, Fault::ArrivesLate(Arc::clone(&gate)));
        let buying = buying(&t, t.cx(), cart);
        gate.is_reached().await;
        let id = of_cart(&t, cart).await.id;
        for _ in 0..2 {
            assert_eq!(t.api.cancel(&mut t.cx(), id).await, Err(OrdersError::OrderBusy { id }));
            let returning = t.api.return_goods(&mut t.cx(), id, vec![line(1, 1)]).await;
            assert_eq!(returning, Err(OrdersError::OrderBusy { id }));
            // Nor does it cut in when the lease has run out: that is for whoever finishes the order.
            t.clock.advance(LEASE);
        }
        gate.open();
        buying.await.unwrap().unwrap();
        t.api.cancel(&mut t.cx(), id).await.unwrap();
        books::agree(&t).await;
    }
}

pub(crate) async fn needs_a_confirmed_order_of_this_shop(t: T) {
    let id = OrderId::new(t.clock.now());
    assert_eq!(
        t.api.cancel(&mut t.cx(), id).await,
        Err(OrdersError::UnknownOrder { id })
    );

    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    let id = broken_off_at(&t, "reserve", cart, "one").await.id;
    for is in [OrderStatus::Pending, OrderStatus::Failed] {
        assert_eq!(
            t.api.cancel(&mut t.cx(), id).await,
            Err(OrdersError::NotConfirmed { id, is })
        );
        t.clock.advance(LEASE);
        t.world.sweep().await;
    }
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    crate::shop::checkout(&t, cart, DECLINED).await.unwrap_err();
    let (id, is) = (of_cart(&t, cart).await.id, OrderStatus::Failed);
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

pub(crate) async fn twice_at_once_gives_back_once(t: T) {
    let order = bought(&t, &[2]).await;
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
    assert_eq!(t.world.payments.refunds().len(), 1);
    books::agree(&t).await;
}
