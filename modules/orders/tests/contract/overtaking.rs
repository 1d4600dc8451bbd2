//! Executions that are slower than their lease: somebody else takes their order over, and then they go on.

use std::sync::Arc;
use std::time::Duration;

use carts_api::CartId;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};
use tokio::task::JoinHandle;

use crate::T;
use crate::books;
use crate::faults::{Fault, Gate};
use crate::shop::{LEASE, bought, broken_off_at, buying, line, of_cart, read};

/// A checkout that stands before the gate, under its cart's id as key.
async fn held_at(t: &T, method: &'static str, cart: CartId, fault: Fault, gate: &Gate) -> Buying {
    t.world.next(method, fault);
    let buying = buying(t, t.cx().with_key(cart.to_string()), cart);
    gate.is_reached().await;
    buying
}

type Buying = JoinHandle<Result<Order, OrdersError>>;

/// A sweep of its own, while the body goes on.
fn sweeping(t: &T) -> JoinHandle<u64> {
    let orders = Arc::clone(&t.world.orders);
    tokio::spawn(async move { orders.sweep().await.unwrap() })
}

async fn overtaken(t: &T, method: &'static str, end: OrderStatus, late: fn(Arc<Gate>) -> Fault) {
    let gate = Gate::closed();
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    let slow = held_at(t, method, cart, late(Arc::clone(&gate)), &gate).await;
    t.clock.advance(LEASE);
    assert_eq!(t.world.sweep().await, 1, "{method}");
    let order = of_cart(t, cart).await;
    assert_eq!(order.status, end, "{method}");
    books::agree(t).await;
    t.clock.advance(Duration::from_secs(1));
    gate.open();
    let order_id = order.id;
    let told = match end {
        OrderStatus::Failed => Err(OrdersError::CheckoutInterrupted { order_id }),
        _ => Ok(order.clone()),
    };
    assert_eq!(slow.await.unwrap(), told, "{method}");
    assert_eq!(read(t, order.id).await, order, "{method}");
    // Nor is there anything left to do.
    t.clock.advance(LEASE);
    assert_eq!(t.world.sweep().await, 0);
    books::agree(t).await;
    // A repeat is told the same.
    let repeat = buying(t, t.cx().with_key(cart.to_string()), cart);
    assert_eq!(repeat.await.unwrap(), told);
}

pub(crate) async fn a_call_that_arrives_too_late_changes_nothing(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Failed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        overtaken(&t, method, end, Fault::ArrivesLate).await;
    }
}

pub(crate) async fn a_call_that_is_answered_too_late_changes_nothing(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Confirmed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        overtaken(&t, method, end, Fault::AnswersLate).await;
    }
}

pub(crate) async fn a_call_that_fails_too_late_changes_nothing(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Failed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        overtaken(&t, method, end, Fault::FailsLate).await;
    }
}

/// Not even while the other is under way, and the order is where the first execution left it.
pub(crate) async fn only_the_last_to_take_it_up_goes_on(t: T) {
    for late in [Fault::AnswersLate, Fault::FailsLate] {
        let (authorizing, settling) = (Gate::closed(), Gate::closed());
        let cart = t.world.cart(&[(t.world.sells(10), 2)]);
        let slow = held_at(&t, "authorize", cart, late(Arc::clone(&authorizing)), &authorizing).await;
        t.clock.advance(LEASE);
        t.world.next("settle", Fault::AnswersLate(Arc::clone(&settling)));
        let sweep = sweeping(&t);
        settling.is_reached().await;
        let before = of_cart(&t, cart).await;
        authorizing.open();
        assert_eq!(slow.await.unwrap(), Ok(before.clone()));
        assert_eq!(read(&t, before.id).await, before);
        assert_eq!(t.world.payments.kept(before.id), 0);
        // Nor does it hand over what it has not.
        assert_eq!(t.world.sweep().await, 0);
        settling.open();
        assert_eq!(sweep.await.unwrap(), 1);
        books::agree(&t).await;
    }
}

/// What one execution was refused, another has got since.
pub(crate) async fn an_old_refusal_does_not_undo_the_order(t: T) {
    for method in ["authorize", "capture"] {
        let product = t.world.sells(1);
        let cart = t.world.cart(&[(product, 2)]);
        let (reserving, going_on) = (Gate::closed(), Gate::closed());
        t.world.next("reserve", Fault::AnswersLate(Arc::clone(&reserving)));
        let refused = buying(&t, t.cx().with_key(cart.to_string()), cart);
        reserving.is_reached().await;
        t.world.inventory.has(product, 10);
        t.clock.advance(LEASE);
        let second = held_at(&t, method, cart, Fault::ArrivesLate(Arc::clone(&going_on)), &going_on).await;
        let before = of_cart(&t, cart).await;
        reserving.open();
        assert_eq!(refused.await.unwrap(), Ok(before.clone()), "{method}");
        assert_eq!(read(&t, before.id).await, before);
        going_on.open();
        let order = second.await.unwrap().unwrap();
        assert_eq!((order.id, order.status), (before.id, OrderStatus::Confirmed));
        assert_eq!(t.world.inventory.on_hand(product), 8);
        books::agree(&t).await;
    }
}

/// Money and goods that are let go late must not be those of an order that somebody carries through meanwhile.
pub(crate) async fn an_undoing_is_not_turned_round(t: T) {
    for method in ["void", "release"] {
        let cart = t.world.cart(&[(t.world.sells(10), 2)]);
        let order_id = broken_off_at(&t, "authorize", cart, method).await.id;
        t.clock.advance(LEASE);
        let gate = Gate::closed();
        t.world.next(method, Fault::ArrivesLate(Arc::clone(&gate)));
        let slow = sweeping(&t);
        gate.is_reached().await;
        t.clock.advance(LEASE);
        // The shopper comes back, with the token.
        let told = buying(&t, t.cx().with_key(method), cart).await.unwrap();
        assert_eq!(told, Err(OrdersError::CheckoutInterrupted { order_id }), "{method}");
        books::agree(&t).await;
        let order = read(&t, order_id).await;
        gate.open();
        assert_eq!(slow.await.unwrap(), 0, "{method}");
        assert_eq!(read(&t, order_id).await, order);
        books::agree(&t).await;
    }
}

pub(crate) async fn goods_do_not_leave_for_an_order_that_failed(t: T) {
    let product = t.world.sells(10);
    let cart = t.world.cart(&[(product, 2)]);
    let gate = Gate::closed();
    let slow = held_at(&t, "commit", cart, Fault::ArrivesLate(Arc::clone(&gate)), &gate).await;
    t.world.inventory.lets_promises_expire();
    t.world.inventory.has(product, 0);
    t.clock.advance(LEASE);
    assert_eq!(t.world.sweep().await, 1);
    let order = of_cart(&t, cart).await;
    assert!(
        matches!(order.failure, Some(FailureReason::InsufficientStock { .. })),
        "{order:?}"
    );
    // There are goods again when the first execution goes on.
    t.world.inventory.has(product, 10);
    gate.open();
    let told = slow.await.unwrap();
    assert!(matches!(told, Err(OrdersError::InsufficientStock { .. })), "{told:?}");
    assert_eq!(read(&t, order.id).await, order);
    assert_eq!(t.world.inventory.on_hand(product), 10);
    books::agree(&t).await;
}

pub(crate) async fn what_left_and_was_paid_meanwhile_comes_back(t: T) {
    let product = t.world.sells(10);
    let cart = t.world.cart(&[(product, 2)]);
    let (shipping, voiding) = (Gate::closed(), Gate::closed());
    let slow = held_at(&t, "commit", cart, Fault::ArrivesLate(Arc::clone(&shipping)), &shipping).await;
    t.world.inventory.lets_promises_expire();
    t.world.inventory.has(product, 0);
    t.clock.advance(LEASE);
    // The sweeper has noted that the order failed, and has let nothing go yet.
    t.world.next("void", Fault::ArrivesLate(Arc::clone(&voiding)));
    let sweep = sweeping(&t);
    voiding.is_reached().await;
    t.world.inventory.has(product, 10);
    shipping.open();
    let told = slow.await.unwrap();
    assert!(matches!(told, Err(OrdersError::InsufficientStock { .. })), "{told:?}");
    let order_id = of_cart(&t, cart).await.id;
    assert_eq!(t.world.inventory.on_hand(product), 8);
    assert_ne!(t.world.payments.kept(order_id), 0);
    voiding.open();
    assert_eq!(sweep.await.unwrap(), 1);
    assert_eq!(t.world.inventory.on_hand(product), 10);
    books::agree(&t).await;
}

pub(crate) async fn a_late_return_comes_back_once(t: T) {
    for method in ["refund", "record_many"] {
        for late in [Fault::ArrivesLate, Fault::AnswersLate] {
            let order = bought(&t, &[5]).await;
            let gate = Gate::closed();
            t.world.next(method, late(Arc::clone(&gate)));
            let (api, mut cx) = (Arc::clone(&t.once), t.cx());
            let slow = tokio::spawn(async move { api.return_goods(&mut cx, order.id, vec![line(1, 2)]).await });
            gate.is_reached().await;
            t.clock.advance(LEASE);
            assert_eq!(t.world.sweep().await, 1);
            // And all the rest, before the first execution goes on.
            let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
            books::agree(&t).await;
            gate.open();
            assert_eq!(slow.await.unwrap(), Ok(cancelled.clone()), "{method}");
            assert_eq!(read(&t, order.id).await, cancelled);
            books::agree(&t).await;
        }
    }
}
