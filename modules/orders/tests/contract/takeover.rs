//! Executions that are slower than their lease: another execution takes the order over, and then the slow one
//! continues.

use std::sync::Arc;
use std::time::Duration;

use carts_api::CartId;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};
use tokio::task::JoinHandle;

use crate::T;
use crate::fixture::{LEASE, confirmed_order, interrupt_checkout, line, order_of_cart, read, spawn_checkout};
use crate::invariants;
use offshoot_testkit::{Fault, Gate};

/// Starts a checkout, with the cart's id as idempotency key, and waits until its call of `method` has reached the gate.
async fn hold_at(t: &T, method: &'static str, cart: CartId, fault: Fault, gate: &Gate) -> CheckoutTask {
    t.fakes.inject(method, fault);
    let buying = spawn_checkout(t, t.cx().with_next_key(cart.to_string()), cart);
    gate.wait_until_reached().await;
    buying
}

type CheckoutTask = JoinHandle<Result<Order, OrdersError>>;

/// Resumes due sagas in a task of its own.
fn spawn_resume(t: &T) -> JoinHandle<u64> {
    let orders = Arc::clone(&t.fakes.orders);
    tokio::spawn(async move { orders.resume_sagas().await.unwrap() })
}

async fn test_takeover(t: &T, method: &'static str, end: OrderStatus, late: fn(Arc<Gate>) -> Fault) {
    let gate = Gate::closed();
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    let slow = hold_at(t, method, cart, late(Arc::clone(&gate)), &gate).await;
    t.clock.advance(LEASE);
    assert_eq!(t.fakes.resume().await, 1, "{method}");
    let order = order_of_cart(t, cart).await;
    assert_eq!(order.status, end, "{method}");
    invariants::assert_hold(t).await;
    t.clock.advance(Duration::from_secs(1));
    gate.open();
    let order_id = order.id;
    let answer = match end {
        OrderStatus::Failed => Err(OrdersError::CheckoutInterrupted { order_id }),
        _ => Ok(order.clone()),
    };
    assert_eq!(slow.await.unwrap(), answer, "{method}");
    assert_eq!(read(t, order.id).await, order, "{method}");
    // No saga is left to resume.
    t.clock.advance(LEASE);
    assert_eq!(t.fakes.resume().await, 0);
    invariants::assert_hold(t).await;
    // A repeated call gets the same answer.
    let repeat = spawn_checkout(t, t.cx().with_next_key(cart.to_string()), cart);
    assert_eq!(repeat.await.unwrap(), answer);
}

pub(crate) async fn a_late_call_changes_nothing(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Failed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        test_takeover(&t, method, end, Fault::CallDelayed).await;
    }
}

pub(crate) async fn a_late_response_changes_nothing(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Confirmed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        test_takeover(&t, method, end, Fault::ResponseDelayed).await;
    }
}

pub(crate) async fn a_late_failure_changes_nothing(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Failed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        test_takeover(&t, method, end, Fault::FailureDelayed).await;
    }
}

/// The slow execution writes nothing even if the other execution has not committed yet.
pub(crate) async fn only_the_latest_execution_writes(t: T) {
    for late in [Fault::ResponseDelayed, Fault::FailureDelayed] {
        let (authorizing, settling) = (Gate::closed(), Gate::closed());
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
        let slow = hold_at(&t, "authorize", cart, late(Arc::clone(&authorizing)), &authorizing).await;
        t.clock.advance(LEASE);
        t.fakes.inject("settle", Fault::ResponseDelayed(Arc::clone(&settling)));
        let resuming = spawn_resume(&t);
        settling.wait_until_reached().await;
        let before = order_of_cart(&t, cart).await;
        authorizing.open();
        assert_eq!(slow.await.unwrap(), Ok(before.clone()));
        assert_eq!(read(&t, before.id).await, before);
        assert_eq!(t.fakes.payments.net_captured(before.id), 0);
        // The slow execution cannot hand over a saga without the lease.
        assert_eq!(t.fakes.resume().await, 0);
        settling.open();
        assert_eq!(resuming.await.unwrap(), 1);
        invariants::assert_hold(&t).await;
    }
}

/// The stock arrives between the refusal of the old execution and the success of a later one.
pub(crate) async fn a_refusal_of_an_old_execution_does_not_undo_the_order(t: T) {
    for method in ["authorize", "capture"] {
        let product = t.fakes.add_product(1);
        let cart = t.fakes.add_cart(&[(product, 2)]);
        let (reserving, continuing) = (Gate::closed(), Gate::closed());
        t.fakes
            .inject("reserve", Fault::ResponseDelayed(Arc::clone(&reserving)));
        let refused = spawn_checkout(&t, t.cx().with_next_key(cart.to_string()), cart);
        reserving.wait_until_reached().await;
        t.fakes.inventory.set_stock(product, 10);
        t.clock.advance(LEASE);
        let second = hold_at(
            &t,
            method,
            cart,
            Fault::CallDelayed(Arc::clone(&continuing)),
            &continuing,
        )
        .await;
        let before = order_of_cart(&t, cart).await;
        reserving.open();
        assert_eq!(refused.await.unwrap(), Ok(before.clone()), "{method}");
        assert_eq!(read(&t, before.id).await, before);
        continuing.open();
        let order = second.await.unwrap().unwrap();
        assert_eq!((order.id, order.status), (before.id, OrderStatus::Confirmed));
        assert_eq!(t.fakes.inventory.on_hand(product), 8);
        invariants::assert_hold(&t).await;
    }
}

/// A late undo step must not void the payment, or release the stock, of an order that another execution completes.
pub(crate) async fn an_undo_is_not_abandoned(t: T) {
    for method in ["void", "release"] {
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
        let order_id = interrupt_checkout(&t, "authorize", cart, method).await.id;
        t.clock.advance(LEASE);
        let gate = Gate::closed();
        t.fakes.inject(method, Fault::CallDelayed(Arc::clone(&gate)));
        let slow = spawn_resume(&t);
        gate.wait_until_reached().await;
        t.clock.advance(LEASE);
        // The shopper repeats the checkout with the token.
        let answer = spawn_checkout(&t, t.cx().with_next_key(method), cart).await.unwrap();
        assert_eq!(answer, Err(OrdersError::CheckoutInterrupted { order_id }), "{method}");
        invariants::assert_hold(&t).await;
        let order = read(&t, order_id).await;
        gate.open();
        assert_eq!(slow.await.unwrap(), 0, "{method}");
        assert_eq!(read(&t, order_id).await, order);
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn stock_does_not_ship_for_a_failed_order(t: T) {
    let product = t.fakes.add_product(10);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    let gate = Gate::closed();
    let slow = hold_at(&t, "commit", cart, Fault::CallDelayed(Arc::clone(&gate)), &gate).await;
    t.fakes.inventory.expire_reservations();
    t.fakes.inventory.set_stock(product, 0);
    t.clock.advance(LEASE);
    assert_eq!(t.fakes.resume().await, 1);
    let order = order_of_cart(&t, cart).await;
    assert!(
        matches!(order.failure, Some(FailureReason::InsufficientStock { .. })),
        "{order:?}"
    );
    // Stock is available again when the first execution continues.
    t.fakes.inventory.set_stock(product, 10);
    gate.open();
    let answer = slow.await.unwrap();
    assert!(
        matches!(answer, Err(OrdersError::InsufficientStock { .. })),
        "{answer:?}"
    );
    assert_eq!(read(&t, order.id).await, order);
    assert_eq!(t.fakes.inventory.on_hand(product), 10);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn effects_of_an_old_execution_are_undone(t: T) {
    let product = t.fakes.add_product(10);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    let (shipping, voiding) = (Gate::closed(), Gate::closed());
    let slow = hold_at(&t, "commit", cart, Fault::CallDelayed(Arc::clone(&shipping)), &shipping).await;
    t.fakes.inventory.expire_reservations();
    t.fakes.inventory.set_stock(product, 0);
    t.clock.advance(LEASE);
    // The second execution has committed the failure, and has undone nothing yet.
    t.fakes.inject("void", Fault::CallDelayed(Arc::clone(&voiding)));
    let resuming = spawn_resume(&t);
    voiding.wait_until_reached().await;
    t.fakes.inventory.set_stock(product, 10);
    shipping.open();
    let answer = slow.await.unwrap();
    assert!(
        matches!(answer, Err(OrdersError::InsufficientStock { .. })),
        "{answer:?}"
    );
    let order_id = order_of_cart(&t, cart).await.id;
    assert_eq!(t.fakes.inventory.on_hand(product), 8);
    assert_ne!(t.fakes.payments.net_captured(order_id), 0);
    voiding.open();
    assert_eq!(resuming.await.unwrap(), 1);
    assert_eq!(t.fakes.inventory.on_hand(product), 10);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_late_return_takes_effect_once(t: T) {
    for method in ["refund", "record_many"] {
        for late in [Fault::CallDelayed, Fault::ResponseDelayed] {
            let order = confirmed_order(&t, &[5]).await;
            let gate = Gate::closed();
            t.fakes.inject(method, late(Arc::clone(&gate)));
            let (api, mut cx) = (Arc::clone(&t.once), t.cx());
            let slow = tokio::spawn(async move { api.return_goods(&mut cx, order.id, vec![line(1, 2)]).await });
            gate.wait_until_reached().await;
            t.clock.advance(LEASE);
            assert_eq!(t.fakes.resume().await, 1);
            // The cancellation returns the rest before the first execution continues.
            let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
            invariants::assert_hold(&t).await;
            gate.open();
            assert_eq!(slow.await.unwrap(), Ok(cancelled.clone()), "{method}");
            assert_eq!(read(&t, order.id).await, cancelled);
            invariants::assert_hold(&t).await;
        }
    }
}
