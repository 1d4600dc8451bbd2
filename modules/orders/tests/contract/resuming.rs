//! Resuming interrupted orders.

use std::time::Duration;

use offshoot_contract::Clock;
use orders_api::v1::OrderStatus;

use crate::T;
use crate::fixture::{LEASE, checkout, confirmed_order, interrupt_checkout, line, read};
use crate::invariants;
use crate::stub_payments::GOOD;
use offshoot_testkit::Fault;

const MICROSECOND: Duration = Duration::from_micros(1);

pub(crate) async fn an_order_is_taken_over_once_its_lease_has_expired(t: T) {
    for method in ["reserve", "commit"] {
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
        let interrupted = interrupt_checkout(&t, method, cart, method).await;
        t.clock.advance(LEASE - MICROSECOND);
        assert_eq!(t.fakes.resume().await, 0);
        assert_eq!(read(&t, interrupted.id).await, interrupted);
        t.clock.advance(MICROSECOND);
        assert_eq!(t.fakes.resume().await, 1);
        let ended = read(&t, interrupted.id).await;
        assert_eq!(ended.updated_at, t.clock.now());
        assert_eq!(ended.placed_at, interrupted.placed_at);
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn processes_that_resume_at_once_execute_a_saga_once(t: T) {
    for method in ["reserve", "authorize", "commit", "capture"] {
        t.fakes.inject(method, Fault::ResponseLost);
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
        checkout(&t, cart, GOOD).await.unwrap();
        let ended = tokio::join!(t.fakes.resume(), t.fakes.resume(), t.fakes.resume());
        assert_eq!(ended.0 + ended.1 + ended.2, 1, "{method}");
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn closed_orders_are_not_touched(t: T) {
    let [kept, cancelled] = [confirmed_order(&t, &[1]).await, confirmed_order(&t, &[1]).await];
    t.api.cancel(&mut t.cx(), cancelled.id).await.unwrap();
    let before = [read(&t, kept.id).await, read(&t, cancelled.id).await];
    t.clock.advance(100 * LEASE);
    assert_eq!(t.fakes.resume().await, 0);
    assert_eq!([read(&t, kept.id).await, read(&t, cancelled.id).await], before);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn the_pause_between_attempts_grows(t: T) {
    t.fakes.inject("authorize", Fault::NotExecuted);
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    t.fakes.payments.faults.set_permanent(Some(Fault::NotExecuted));
    let mut calls = 0;
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(t.fakes.resume().await, 0);
        calls += 1;
        assert_eq!(t.fakes.payments.faults.count_calls("settle"), calls);
        t.clock.advance(Duration::from_secs(seconds) - MICROSECOND);
        assert_eq!(t.fakes.resume().await, 0);
        assert_eq!(
            t.fakes.payments.faults.count_calls("settle"),
            calls,
            "within {seconds} s"
        );
        t.clock.advance(MICROSECOND);
    }
    t.fakes.payments.faults.set_permanent(None);
    assert_eq!(t.fakes.resume().await, 1);
    assert_eq!(read(&t, order.id).await.status, OrderStatus::Failed);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_failing_order_does_not_delay_others(t: T) {
    let mut orders = Vec::new();
    for _ in 0..3 {
        t.fakes.inject("capture", Fault::NotExecuted);
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 1)]);
        orders.push(checkout(&t, cart, GOOD).await.unwrap());
        t.clock.advance(MICROSECOND);
    }
    let removed = t.fakes.payments.remove_payment(orders[0].id);
    assert_eq!(t.fakes.resume().await, 2);
    let mut open = Vec::new();
    for order in &orders {
        open.push(read(&t, order.id).await.open_steps.len());
    }
    assert_eq!(open, [2, 0, 0]);
    t.fakes.payments.restore_payment(removed);
    t.clock.advance(LEASE);
    assert_eq!(t.fakes.resume().await, 1);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn resuming_does_not_disturb_a_return(t: T) {
    let order = confirmed_order(&t, &[5]).await;
    for _ in 0..3 {
        let lines = vec![line(1, 1)];
        let mut cx = t.cx();
        let (returning, resumed) = tokio::join!(t.api.return_goods(&mut cx, order.id, lines), t.fakes.resume());
        returning.unwrap();
        assert_eq!(resumed, 0);
    }
    assert_eq!(read(&t, order.id).await.lines[0].returned, 3);
    invariants::assert_hold(&t).await;
}
