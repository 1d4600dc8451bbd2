//! Confirmed orders that fail, and orders whose outcome another module decides.

use std::time::Duration;

use offshoot_contract::CallContext;
use orders_api::v1::{FailureReason, OrderStatus, OrdersError, RevenueBy};
use payments_api::v1::PaymentStatus;

use crate::T;
use crate::fixture::{checkout, order_of_cart, pounds, read, spawn_checkout};
use crate::invariants;
use crate::stub_payments::{DECLINED, GOOD, SLOW, WHY_DECLINED, WHY_REFUSED};
use offshoot_testkit::{Fault, Gate};

use std::sync::Arc;

pub(crate) async fn a_refused_capture_returns_the_stock(t: T) {
    let product = t.fakes.add_product(10);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    t.fakes.payments.refuse_captures();
    let refused = checkout(&t, cart, GOOD).await;
    let order = order_of_cart(&t, cart).await;
    let (order_id, reason) = (order.id, WHY_REFUSED.to_owned());
    assert_eq!(
        order.failure,
        Some(FailureReason::PaymentDeclined { why: reason.clone() })
    );
    assert_eq!(refused, Err(OrdersError::PaymentDeclined { order_id, reason }));
    assert_eq!(
        t.fakes.inventory.returned_references(),
        [format!("{order_id}.put-back.1")]
    );
    assert_eq!(t.fakes.inventory.on_hand(product), 10);
    let revenue = t.api.revenue(&mut t.cx(), RevenueBy::Country).await.unwrap();
    let total = &revenue.totals[0];
    assert_eq!(
        (total.net, total.gross, total.credit),
        (pounds("0"), pounds("5.10"), pounds("-5.10"))
    );
    assert_eq!((total.sales, total.credits), (1, 1));
    invariants::assert_hold(&t).await;

    // Each undo step may need a retry. The caller receives the failure of the order at once.
    for (method, left) in [("record_many", ["put-back", "void"]), ("void", ["put-back", "void"])] {
        for fault in [Fault::NotExecuted, Fault::ResponseLost] {
            t.fakes.inject(method, fault);
            let cart = t.fakes.add_cart(&[(product, 2)]);
            let refused = checkout(&t, cart, GOOD).await.unwrap_err();
            assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
            assert_eq!(order_of_cart(&t, cart).await.open_steps, left);
            assert_eq!(t.fakes.resume().await, 1);
            invariants::assert_hold(&t).await;
        }
    }
}

pub(crate) async fn a_voided_payment_returns_the_stock(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    let gate = Gate::closed();
    t.fakes.inject("capture", Fault::CallDelayed(Arc::clone(&gate)));
    let buying = spawn_checkout(&t, t.cx(), cart);
    gate.wait_until_reached().await;
    let order_id = order_of_cart(&t, cart).await.id;
    let payments = t.fakes.payments.behind_edge();
    let mut cx = CallContext::root("orders");
    payments.void(&mut cx, format!("{order_id}.authorize")).await.unwrap();
    gate.open();
    let answer = buying.await.unwrap();
    assert_eq!(answer, Err(OrdersError::CheckoutInterrupted { order_id }));
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_released_reservation_fails_the_order(t: T) {
    for method in ["reserve", "commit"] {
        let product = t.fakes.add_product(10);
        let cart = t.fakes.add_cart(&[(product, 2)]);
        let gate = Gate::closed();
        t.fakes.inject(method, Fault::CallDelayed(Arc::clone(&gate)));
        let buying = spawn_checkout(&t, t.cx(), cart);
        gate.wait_until_reached().await;
        let order_id = order_of_cart(&t, cart).await.id;
        let inventory = t.fakes.inventory.behind_edge();
        let mut cx = CallContext::root("orders");
        inventory.release(&mut cx, format!("{order_id}.reserve")).await.unwrap();
        gate.open();
        let answer = buying.await.unwrap();
        assert_eq!(answer, Err(OrdersError::CheckoutInterrupted { order_id }), "{method}");
        assert_eq!(t.fakes.inventory.on_hand(product), 10);
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn an_expired_reservation_ships_while_stock_lasts(t: T) {
    let product = t.fakes.add_product(10);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    for method in ["commit", "authorize"] {
        let cart = t.fakes.add_cart(&[(product, 2)]);
        t.fakes.inject(method, Fault::ResponseLost);
        let order = checkout(&t, cart, GOOD).await.unwrap();
        t.fakes.inventory.expire_reservations();
        assert_eq!(t.fakes.resume().await, 1);
        assert_eq!(read(&t, order.id).await.status, OrderStatus::Confirmed, "{method}");
        invariants::assert_hold(&t).await;
    }
    t.fakes.inject("commit", Fault::NotExecuted);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    t.fakes.inventory.expire_reservations();
    t.fakes.inventory.set_stock(product, 2);
    assert_eq!(t.fakes.resume().await, 1);
    assert_eq!(read(&t, order.id).await.status, OrderStatus::Confirmed);
    assert_eq!(t.fakes.inventory.on_hand(product), 0);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn an_expired_reservation_without_stock_fails_the_order(t: T) {
    for (method, fault) in [("commit", Fault::NotExecuted), ("authorize", Fault::ResponseLost)] {
        let product = t.fakes.add_product(10);
        let cart = t.fakes.add_cart(&[(product, 2)]);
        t.fakes.inject(method, fault);
        let order = checkout(&t, cart, GOOD).await.unwrap();
        t.fakes.inventory.expire_reservations();
        t.fakes.inventory.set_stock(product, 1);
        assert_eq!(t.fakes.resume().await, 1);
        let failed = read(&t, order.id).await;
        assert_eq!(failed.status, OrderStatus::Failed, "{method}");
        let Some(FailureReason::InsufficientStock { lines }) = &failed.failure else {
            panic!("{failed:?}");
        };
        assert_eq!(
            (lines[0].sku.as_str(), lines[0].requested, lines[0].available),
            ("SKU-1", 2, 1)
        );
        invariants::assert_hold(&t).await;
        // The cart can be ordered again.
        t.fakes.inventory.set_stock(product, 2);
        checkout(&t, cart, GOOD).await.unwrap();
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn a_late_decision_of_the_provider_decides_the_order(t: T) {
    for (decided, status) in [
        (PaymentStatus::Authorized, OrderStatus::Confirmed),
        (PaymentStatus::Declined, OrderStatus::Failed),
        (PaymentStatus::Voided, OrderStatus::Failed),
    ] {
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
        t.fakes.payments.set_pending_outcome(PaymentStatus::Pending);
        let order = checkout(&t, cart, SLOW).await.unwrap();
        assert_eq!(order.status, OrderStatus::Pending);
        // The provider still has not decided.
        assert_eq!(t.fakes.resume().await, 0);
        assert_eq!(read(&t, order.id).await, order);
        t.clock.advance(Duration::from_secs(1));
        t.fakes.payments.set_pending_outcome(decided);
        assert_eq!(t.fakes.resume().await, 1);
        let ended = read(&t, order.id).await;
        let why = WHY_DECLINED.to_owned();
        let failure = match decided {
            PaymentStatus::Declined => Some(FailureReason::PaymentDeclined { why }),
            PaymentStatus::Voided => Some(FailureReason::Interrupted),
            _ => None,
        };
        assert_eq!((ended.status, ended.failure), (status, failure));
        invariants::assert_hold(&t).await;
    }
    // A declined payment whose response was lost.
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    t.fakes.inject("authorize", Fault::ResponseLost);
    let order = checkout(&t, cart, DECLINED).await.unwrap();
    assert_eq!(t.fakes.resume().await, 1);
    assert_eq!(read(&t, order.id).await.status, OrderStatus::Failed);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn an_unexpected_error_decides_nothing(t: T) {
    let product = t.fakes.add_product(10);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    t.fakes.inject("capture", Fault::NotExecuted);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    // `UnknownPayment` is unexpected after an authorization, so the order stays open.
    let payment = t.fakes.payments.remove_payment(order.id);
    for _ in 0..3 {
        t.clock.advance(Duration::from_secs(60));
        assert_eq!(t.fakes.resume().await, 0);
        let open = read(&t, order.id).await;
        assert_eq!((open.status, open.open_steps.len()), (OrderStatus::Confirmed, 2));
    }
    t.fakes.payments.restore_payment(payment);
    t.clock.advance(Duration::from_secs(60));
    assert_eq!(t.fakes.resume().await, 1);
    invariants::assert_hold(&t).await;
}
