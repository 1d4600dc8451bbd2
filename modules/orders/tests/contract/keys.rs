//! A checkout repeated under its key.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::CallFailure;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};
use payments_api::v1::PaymentToken;

use crate::T;
use crate::books;
use crate::faults::{Fault, Gate};
use crate::shop::{A_MOMENT, EMAIL, LEASE, all, broken_off_at, buying, failure, of_cart, read};
use crate::stub_payments::{DECLINED, GOOD, SLOW, WHY_DECLINED};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A checkout under a key, once.
async fn under(t: &T, key: &str, cart: carts_api::CartId, token: &str) -> Result<Order, OrdersError> {
    let mut cx = t.cx().with_key(key);
    let token = PaymentToken::new(token);
    t.once.checkout(&mut cx, cart, EMAIL.to_owned(), None, token).await
}

fn is_reused(failure: &CallFailure) -> bool {
    failure.status_and_code() == (422, "idempotency-key-reused")
}

pub(crate) async fn the_same_key_is_the_same_order(t: T) {
    let cart = t.world.cart(&[(t.world.sells(10), 1)]);
    let order = under(&t, "one", cart, GOOD).await.unwrap();
    t.clock.advance(Duration::from_secs(1));
    assert_eq!(under(&t, "one", cart, GOOD).await, Ok(order.clone()));
    // The answer of then, whatever has become of the order.
    t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(under(&t, "one", cart, GOOD).await, Ok(order));
    assert_eq!(all(&t).await.len(), 1);
    books::agree(&t).await;
}

pub(crate) async fn other_arguments_need_another_key(t: T) {
    let product = t.world.sells(10);
    let [cart, other, third] = [1, 2, 3].map(|units| t.world.cart(&[(product, units)]));
    under(&t, "good", cart, GOOD).await.unwrap();
    under(&t, "declined", third, DECLINED).await.unwrap_err();
    for (key, token) in [("good", DECLINED), ("declined", GOOD)] {
        assert!(is_reused(&failure(under(&t, key, other, token).await)));
        assert!(is_reused(&failure(under(&t, key, other, GOOD).await)));
    }
    // Nor while the first call is under way.
    broken_off_at(&t, "authorize", other, "broken").await;
    assert!(is_reused(&failure(under(&t, "broken", cart, GOOD).await)));
    assert_eq!(all(&t).await.len(), 3);
}

pub(crate) async fn calls_at_once_are_one_order(t: T) {
    let product = t.world.sells(10);
    let cart = t.world.cart(&[(product, 2)]);
    let tasks: Vec<_> = (0..5).map(|_| buying(&t, t.cx().with_key("one"), cart)).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap().unwrap());
    }
    assert_eq!(answers[0].status, OrderStatus::Confirmed);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(all(&t).await.len(), 1);
    assert_eq!(t.world.inventory.on_hand(product), 8);
    books::agree(&t).await;
}

pub(crate) async fn two_keys_at_once_are_one_order_of_a_cart(t: T) {
    let product = t.world.sells(10);
    let cart = t.world.cart(&[(product, 2)]);
    let tasks: Vec<_> = (0..5)
        .map(|number| buying(&t, t.cx().with_key(format!("key-{number}")), cart))
        .collect();
    let mut confirmed = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => confirmed += 1,
            Err(OrdersError::AlreadyOrdered { cart_id, .. }) => assert_eq!(cart_id, cart),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((confirmed, all(&t).await.len()), (1, 1));
    books::agree(&t).await;
}

pub(crate) async fn a_repeat_waits_for_the_first_call(t: T) {
    for method in ["reserve", "authorize", "commit", "capture"] {
        let cart = t.world.cart(&[(t.world.sells(10), 1)]);
        let gate = Gate::closed();
        t.world.next(method, Fault::ArrivesLate(Arc::clone(&gate)));
        let first = buying(&t, t.cx().with_key(method), cart);
        gate.is_reached().await;
        let second = buying(&t, t.cx().with_key(method), cart);
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert!(!second.is_finished(), "{method}");
        gate.open();
        let answers = [first.await.unwrap().unwrap(), second.await.unwrap().unwrap()];
        assert_eq!(answers[0], answers[1], "{method}");
        assert_eq!(answers[0].status, OrderStatus::Confirmed);
    }
    books::agree(&t).await;
}

pub(crate) async fn a_repeat_that_cannot_wait_says_what_is_known(t: T) {
    let cart = t.world.cart(&[(t.world.sells(10), 1)]);
    let broken = broken_off_at(&t, "authorize", cart, "one").await;
    assert_eq!(broken.open_steps, ["reserve", "authorize"]);
    let cx = t.cx().with_timeout(Duration::from_millis(1_100)).with_key("one");
    assert_eq!(buying(&t, cx, cart).await.unwrap(), Ok(broken.clone()));
    // It was not told for ever.
    t.clock.advance(LEASE);
    let order = buying(&t, t.cx().with_key("one"), cart).await.unwrap().unwrap();
    assert_eq!((order.id, order.status), (broken.id, OrderStatus::Confirmed));
    books::agree(&t).await;
}

pub(crate) async fn a_repeat_goes_on_where_the_first_call_was_broken_off(t: T) {
    for (method, status) in [
        ("reserve", OrderStatus::Pending),
        ("authorize", OrderStatus::Pending),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        let product = t.world.sells(10);
        let cart = t.world.cart(&[(product, 3)]);
        let broken = broken_off_at(&t, method, cart, method).await;
        assert_eq!(broken.status, status, "{method}");
        t.clock.advance(LEASE);
        // It brings the token, so it need not undo anything.
        let order = buying(&t, t.cx().with_key(method), cart).await.unwrap().unwrap();
        assert_eq!(
            (order.id, order.status),
            (broken.id, OrderStatus::Confirmed),
            "{method}"
        );
        assert_eq!(read(&t, order.id).await, order);
        assert_eq!(buying(&t, t.cx().with_key(method), cart).await.unwrap(), Ok(order));
        assert_eq!(t.world.inventory.on_hand(product), 7);
    }
    books::agree(&t).await;
    // One whose undoing was broken off is undone.
    let cart = t.world.cart(&[(t.world.sells(10), 3)]);
    t.world.next("release", Fault::Hangs);
    let cx = t.cx().with_timeout(A_MOMENT).with_key("declined");
    let token = PaymentToken::new(DECLINED);
    let first = t.once.checkout(&mut { cx }, cart, EMAIL.to_owned(), None, token).await;
    assert!(failure(first).may_have_executed());
    assert_eq!(of_cart(&t, cart).await.open_steps, ["release"]);
    t.clock.advance(LEASE);
    let refused = under(&t, "declined", cart, DECLINED).await.unwrap_err();
    assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
    books::agree(&t).await;
}

pub(crate) async fn a_repeat_is_told_what_failed(t: T) {
    let product = t.world.sells(2);
    let [short, declined, broken] = [3, 1, 1].map(|units| t.world.cart(&[(product, units)]));
    let first = under(&t, "short", short, GOOD).await;
    t.world.inventory.has(product, 10);
    assert!(matches!(first, Err(OrdersError::InsufficientStock { .. })), "{first:?}");
    assert_eq!(under(&t, "short", short, GOOD).await, first);
    let first = under(&t, "declined", declined, DECLINED).await;
    assert!(matches!(&first, Err(OrdersError::PaymentDeclined { reason, .. }) if reason == WHY_DECLINED));
    assert_eq!(under(&t, "declined", declined, DECLINED).await, first);

    t.world.payments.slow_ones_are(payments_api::v1::PaymentStatus::Voided);
    let pending = under(&t, "slow", broken, SLOW).await.unwrap();
    assert_eq!(pending.status, OrderStatus::Pending);
    // That answer stands for a day. One who got none is told what became of the order.
    let lost = t.world.cart(&[(product, 1)]);
    let order_id = broken_off_at(&t, "authorize", lost, "lost").await.id;
    t.clock.advance(LEASE);
    assert_eq!(t.world.sweep().await, 2);
    assert_eq!(under(&t, "slow", broken, SLOW).await, Ok(pending));
    let told = buying(&t, t.cx().with_key("lost"), lost).await.unwrap();
    assert_eq!(told, Err(OrdersError::CheckoutInterrupted { order_id }));
    assert_eq!(read(&t, order_id).await.failure, Some(FailureReason::Interrupted));
    // Under a new key the cart can be bought.
    let order = buying(&t, t.cx().with_key("new"), lost).await.unwrap().unwrap();
    assert_ne!(order.id, order_id);
    books::agree(&t).await;
}

pub(crate) async fn a_repeat_days_later_finds_the_order(t: T) {
    let cart = t.world.cart(&[(t.world.sells(10), 1)]);
    let order = under(&t, "one", cart, GOOD).await.unwrap();
    t.clock.advance(3 * DAY);
    t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    let found = under(&t, "one", cart, GOOD).await.unwrap();
    assert_eq!((found.id, found.status), (order.id, OrderStatus::Cancelled));
    assert_eq!(all(&t).await.len(), 1);
    books::agree(&t).await;
}
