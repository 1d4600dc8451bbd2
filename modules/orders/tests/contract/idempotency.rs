//! Checkouts repeated under their idempotency key.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::CallFailure;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};
use payments_api::v1::PaymentToken;

use crate::T;
use crate::fixture::{
    EMAIL, LEASE, SHORT_TIMEOUT, all_orders, expect_failure, interrupt_checkout, order_of_cart, read, spawn_checkout,
};
use crate::invariants;
use crate::stub_payments::{DECLINED, GOOD, SLOW, WHY_DECLINED};
use offshoot_testkit::{Fault, Gate};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A checkout under a key, without a repeated call.
async fn checkout_under(t: &T, key: &str, cart: carts_api::CartId, token: &str) -> Result<Order, OrdersError> {
    let mut cx = t.cx().with_next_key(key);
    let token = PaymentToken::new(token);
    t.once.checkout(&mut cx, cart, EMAIL.to_owned(), None, token).await
}

fn is_key_reused(failure: &CallFailure) -> bool {
    failure.status_and_code() == (422, "idempotency-key-reused")
}

pub(crate) async fn a_repeated_call_gets_the_recorded_response(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
    let order = checkout_under(&t, "one", cart, GOOD).await.unwrap();
    t.clock.advance(Duration::from_secs(1));
    assert_eq!(checkout_under(&t, "one", cart, GOOD).await, Ok(order.clone()));
    // The recorded response, although the order has changed.
    t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(checkout_under(&t, "one", cart, GOOD).await, Ok(order));
    assert_eq!(all_orders(&t).await.len(), 1);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn other_arguments_need_another_key(t: T) {
    let product = t.fakes.add_product(10);
    let [cart, other, third] = [1, 2, 3].map(|units| t.fakes.add_cart(&[(product, units)]));
    checkout_under(&t, "good", cart, GOOD).await.unwrap();
    checkout_under(&t, "declined", third, DECLINED).await.unwrap_err();
    for (key, token) in [("good", DECLINED), ("declined", GOOD)] {
        assert!(is_key_reused(&expect_failure(
            checkout_under(&t, key, other, token).await
        )));
        assert!(is_key_reused(&expect_failure(
            checkout_under(&t, key, other, GOOD).await
        )));
    }
    // The same while the first call is interrupted.
    interrupt_checkout(&t, "authorize", other, "interrupted").await;
    assert!(is_key_reused(&expect_failure(
        checkout_under(&t, "interrupted", cart, GOOD).await
    )));
    assert_eq!(all_orders(&t).await.len(), 3);
}

pub(crate) async fn concurrent_calls_under_one_key_make_one_order(t: T) {
    let product = t.fakes.add_product(10);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    let tasks: Vec<_> = (0..5)
        .map(|_| spawn_checkout(&t, t.cx().with_next_key("one"), cart))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap().unwrap());
    }
    assert_eq!(answers[0].status, OrderStatus::Confirmed);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(all_orders(&t).await.len(), 1);
    assert_eq!(t.fakes.inventory.on_hand(product), 8);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn concurrent_calls_under_many_keys_make_one_order_of_a_cart(t: T) {
    let product = t.fakes.add_product(10);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    let tasks: Vec<_> = (0..5)
        .map(|number| spawn_checkout(&t, t.cx().with_next_key(format!("key-{number}")), cart))
        .collect();
    let mut confirmed = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => confirmed += 1,
            Err(OrdersError::AlreadyOrdered { cart_id, .. }) => assert_eq!(cart_id, cart),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((confirmed, all_orders(&t).await.len()), (1, 1));
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_repeated_call_waits_for_the_first_call(t: T) {
    for method in ["reserve", "authorize", "commit", "capture"] {
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
        let gate = Gate::closed();
        t.fakes.inject(method, Fault::CallDelayed(Arc::clone(&gate)));
        let first = spawn_checkout(&t, t.cx().with_next_key(method), cart);
        gate.wait_until_reached().await;
        let second = spawn_checkout(&t, t.cx().with_next_key(method), cart);
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert!(!second.is_finished(), "{method}");
        gate.open();
        let answers = [first.await.unwrap().unwrap(), second.await.unwrap().unwrap()];
        assert_eq!(answers[0], answers[1], "{method}");
        assert_eq!(answers[0].status, OrderStatus::Confirmed);
    }
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_repeated_call_without_time_returns_the_pending_order(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
    let interrupted = interrupt_checkout(&t, "authorize", cart, "one").await;
    assert_eq!(interrupted.open_steps, ["reserve", "authorize"]);
    let cx = t.cx().with_timeout(Duration::from_millis(1_100)).with_next_key("one");
    assert_eq!(spawn_checkout(&t, cx, cart).await.unwrap(), Ok(interrupted.clone()));
    // The pending order was not recorded as the response.
    t.clock.advance(LEASE);
    let order = spawn_checkout(&t, t.cx().with_next_key("one"), cart)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((order.id, order.status), (interrupted.id, OrderStatus::Confirmed));
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_repeated_call_resumes_an_interrupted_checkout(t: T) {
    for (method, status) in [
        ("reserve", OrderStatus::Pending),
        ("authorize", OrderStatus::Pending),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        let product = t.fakes.add_product(10);
        let cart = t.fakes.add_cart(&[(product, 3)]);
        let interrupted = interrupt_checkout(&t, method, cart, method).await;
        assert_eq!(interrupted.status, status, "{method}");
        t.clock.advance(LEASE);
        // The repeated call has the token, so the order is confirmed and not undone.
        let order = spawn_checkout(&t, t.cx().with_next_key(method), cart)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (order.id, order.status),
            (interrupted.id, OrderStatus::Confirmed),
            "{method}"
        );
        assert_eq!(read(&t, order.id).await, order);
        assert_eq!(
            spawn_checkout(&t, t.cx().with_next_key(method), cart).await.unwrap(),
            Ok(order)
        );
        assert_eq!(t.fakes.inventory.on_hand(product), 7);
    }
    invariants::assert_hold(&t).await;
    // An interrupted undo is completed.
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 3)]);
    t.fakes.inject("release", Fault::Hangs);
    let cx = t.cx().with_timeout(SHORT_TIMEOUT).with_next_key("declined");
    let token = PaymentToken::new(DECLINED);
    let first = t.once.checkout(&mut { cx }, cart, EMAIL.to_owned(), None, token).await;
    assert!(expect_failure(first).may_have_executed());
    assert_eq!(order_of_cart(&t, cart).await.open_steps, ["release"]);
    t.clock.advance(LEASE);
    let refused = checkout_under(&t, "declined", cart, DECLINED).await.unwrap_err();
    assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_repeated_call_gets_the_failure_of_the_order(t: T) {
    let product = t.fakes.add_product(2);
    let [short, declined, slow] = [3, 1, 1].map(|units| t.fakes.add_cart(&[(product, units)]));
    let first = checkout_under(&t, "short", short, GOOD).await;
    t.fakes.inventory.set_stock(product, 10);
    assert!(matches!(first, Err(OrdersError::InsufficientStock { .. })), "{first:?}");
    assert_eq!(checkout_under(&t, "short", short, GOOD).await, first);
    let first = checkout_under(&t, "declined", declined, DECLINED).await;
    assert!(matches!(&first, Err(OrdersError::PaymentDeclined { reason, .. }) if reason == WHY_DECLINED));
    assert_eq!(checkout_under(&t, "declined", declined, DECLINED).await, first);

    t.fakes
        .payments
        .set_pending_outcome(payments_api::v1::PaymentStatus::Voided);
    let pending = checkout_under(&t, "slow", slow, SLOW).await.unwrap();
    assert_eq!(pending.status, OrderStatus::Pending);
    // The recorded response stays for a day. A call without a recorded response gets the outcome of the order.
    let lost = t.fakes.add_cart(&[(product, 1)]);
    let order_id = interrupt_checkout(&t, "authorize", lost, "lost").await.id;
    t.clock.advance(LEASE);
    assert_eq!(t.fakes.resume().await, 2);
    assert_eq!(checkout_under(&t, "slow", slow, SLOW).await, Ok(pending));
    let answer = spawn_checkout(&t, t.cx().with_next_key("lost"), lost).await.unwrap();
    assert_eq!(answer, Err(OrdersError::CheckoutInterrupted { order_id }));
    assert_eq!(read(&t, order_id).await.failure, Some(FailureReason::Interrupted));
    // The cart can be ordered under a new key.
    let order = spawn_checkout(&t, t.cx().with_next_key("new"), lost)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(order.id, order_id);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_call_repeated_days_later_finds_the_order(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
    let order = checkout_under(&t, "one", cart, GOOD).await.unwrap();
    t.clock.advance(3 * DAY);
    t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    let found = checkout_under(&t, "one", cart, GOOD).await.unwrap();
    assert_eq!((found.id, found.status), (order.id, OrderStatus::Cancelled));
    assert_eq!(all_orders(&t).await.len(), 1);
    invariants::assert_hold(&t).await;
}
