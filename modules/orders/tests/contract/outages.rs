//! Outages of other modules, and lost responses.

use std::time::Duration;

use offshoot_contract::FailureKind;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};

use crate::T;
use crate::fixture::{
    LEASE, all_orders, checkout, confirmed_order, expect_failure, interrupt_checkout, line, order_of_cart, read,
};
use crate::invariants;
use crate::stub_payments::{DECLINED, GOOD};
use offshoot_testkit::Fault;

/// The order of a checkout whose next call of `method` has this fault.
async fn checkout_with_fault(t: &T, method: &'static str, fault: Fault) -> Order {
    t.fakes.inject(method, fault);
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    let order = checkout(t, cart, GOOD).await.unwrap();
    assert_eq!(order_of_cart(t, cart).await, order, "{method}");
    order
}

/// Resumes the order and asserts its final status. The saga was handed over, so no lease has to expire.
async fn assert_ends_as(t: &T, order: &Order, status: OrderStatus) {
    assert_eq!(t.fakes.resume().await, 1);
    let ended = read(t, order.id).await;
    assert_eq!((ended.status, ended.open_steps.len()), (status, 0), "{ended:?}");
    assert_eq!(t.fakes.resume().await, 0);
}

pub(crate) async fn an_outage_of_carts_is_reported_and_leaves_no_order(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    t.fakes.inject("cart", Fault::NotExecuted);
    let failure = expect_failure(checkout(&t, cart, GOOD).await);
    let expected = FailureKind::Dependency {
        module: "carts".to_owned(),
        method: "cart".to_owned(),
        cause: "unavailable".to_owned(),
    };
    assert_eq!((failure.kind(), failure.may_have_executed()), (&expected, false));
    assert_eq!(all_orders(&t).await, []);
}

pub(crate) async fn an_outage_before_confirmation_leaves_the_order_pending(t: T) {
    for (method, fault, end) in [
        ("reserve", Fault::NotExecuted, OrderStatus::Failed),
        ("reserve", Fault::ResponseLost, OrderStatus::Failed),
        ("authorize", Fault::NotExecuted, OrderStatus::Failed),
        // The payment is authorized, so the order can be confirmed without its token.
        ("authorize", Fault::ResponseLost, OrderStatus::Confirmed),
    ] {
        let order = checkout_with_fault(&t, method, fault).await;
        assert_eq!(order.status, OrderStatus::Pending, "{method}");
        assert_eq!(order.open_steps, ["reserve", "authorize"]);
        assert_ends_as(&t, &order, end).await;
        let failure = (end == OrderStatus::Failed).then_some(FailureReason::Interrupted);
        assert_eq!(read(&t, order.id).await.failure, failure);
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn an_outage_after_confirmation_does_not_fail_the_order(t: T) {
    for method in ["commit", "capture"] {
        for fault in [Fault::NotExecuted, Fault::ResponseLost] {
            let order = checkout_with_fault(&t, method, fault).await;
            assert_eq!(order.status, OrderStatus::Confirmed, "{method}");
            assert_eq!(order.open_steps, ["ship", "capture"]);
            assert_ends_as(&t, &order, OrderStatus::Confirmed).await;
            invariants::assert_hold(&t).await;
        }
    }
}

pub(crate) async fn an_outage_during_the_undo_does_not_hide_the_failure(t: T) {
    for fault in [Fault::NotExecuted, Fault::ResponseLost] {
        t.fakes.inject("release", fault.clone());
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
        let refused = checkout(&t, cart, DECLINED).await.unwrap_err();
        assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
        let order = order_of_cart(&t, cart).await;
        assert_eq!(
            (order.status, order.open_steps.as_slice()),
            (OrderStatus::Failed, &["release".to_owned()][..])
        );
        assert_ends_as(&t, &order, OrderStatus::Failed).await;
        invariants::assert_hold(&t).await;

        // A resumed order has two undo steps, and each may need a retry.
        for method in ["void", "release"] {
            let order = checkout_with_fault(&t, "authorize", Fault::NotExecuted).await;
            t.fakes.inject(method, fault.clone());
            assert_eq!(t.fakes.resume().await, 0);
            let undone = read(&t, order.id).await;
            assert_eq!(
                (undone.status, undone.failure),
                (OrderStatus::Failed, Some(FailureReason::Interrupted))
            );
            assert_eq!(undone.open_steps, ["void", "release"]);
            t.clock.advance(Duration::from_secs(1));
            assert_ends_as(&t, &order, OrderStatus::Failed).await;
            invariants::assert_hold(&t).await;
        }
    }
}

pub(crate) async fn an_outage_during_a_return_does_not_stop_the_return(t: T) {
    for method in ["refund", "record_many"] {
        for fault in [Fault::NotExecuted, Fault::ResponseLost] {
            let order = confirmed_order(&t, &[3]).await;
            t.fakes.inject(method, fault.clone());
            let returned = t
                .api
                .return_goods(&mut t.cx(), order.id, vec![line(1, 1)])
                .await
                .unwrap();
            assert_eq!(returned.open_steps, ["refund-1", "restock-1"]);
            assert_eq!(returned, read(&t, order.id).await);
            assert_ends_as(&t, &order, OrderStatus::Confirmed).await;
            t.fakes.inject(method, fault);
            let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
            assert_eq!(cancelled.status, OrderStatus::Cancelled);
            assert_eq!(cancelled.open_steps, ["refund-2", "restock-2"]);
            assert_eq!(cancelled, read(&t, order.id).await);
            assert_ends_as(&t, &order, OrderStatus::Cancelled).await;
            invariants::assert_hold(&t).await;
        }
    }
}

pub(crate) async fn a_hanging_call_ends_with_the_deadline(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Failed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
        let order = interrupt_checkout(&t, method, cart, method).await;
        assert_eq!(t.fakes.resume().await, 0);
        t.clock.advance(LEASE);
        assert_ends_as(&t, &order, end).await;
    }
    invariants::assert_hold(&t).await;
}

/// Clocks of two processes differ.
pub(crate) async fn an_inventory_clock_that_is_behind_is_waited_out(t: T) {
    let order = confirmed_order(&t, &[3]).await;
    t.fakes.inventory.set_clock_behind(Duration::from_secs(2));
    let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(cancelled.open_steps, ["refund-1", "restock-1"]);
    assert_eq!(t.fakes.resume().await, 0);
    t.clock.advance(Duration::from_secs(2));
    assert_ends_as(&t, &order, OrderStatus::Cancelled).await;

    t.fakes.payments.refuse_captures();
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    let refused = checkout(&t, cart, GOOD).await.unwrap_err();
    assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
    let order = order_of_cart(&t, cart).await;
    assert_eq!(order.open_steps, ["put-back", "void"]);
    assert_eq!(t.fakes.resume().await, 0);
    t.clock.advance(Duration::from_secs(2));
    assert_ends_as(&t, &order, OrderStatus::Failed).await;
    invariants::assert_hold(&t).await;
}

pub(crate) async fn an_outage_of_all_modules_is_waited_out(t: T) {
    let paid = checkout_with_fault(&t, "authorize", Fault::ResponseLost).await;
    let unpaid = checkout_with_fault(&t, "authorize", Fault::NotExecuted).await;
    let all_faults = [&t.fakes.inventory.faults, &t.fakes.payments.faults];
    for faults in all_faults {
        faults.set_permanent(Some(Fault::NotExecuted));
    }
    for _ in 0..5 {
        assert_eq!(t.fakes.resume().await, 0);
        t.clock.advance(Duration::from_secs(60));
    }
    for faults in all_faults {
        faults.set_permanent(None);
    }
    assert_eq!(t.fakes.resume().await, 2);
    assert_eq!(read(&t, paid.id).await.status, OrderStatus::Confirmed);
    assert_eq!(read(&t, unpaid.id).await.status, OrderStatus::Failed);
    invariants::assert_hold(&t).await;
}
