//! Other modules that do not answer, or do and are not heard.

use std::time::Duration;

use offshoot_contract::FailureKind;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};

use crate::T;
use crate::books;
use crate::faults::Fault;
use crate::shop::{LEASE, all, bought, broken_off_at, checkout, failure, line, of_cart, read};
use crate::stub_payments::{DECLINED, GOOD};

/// The order of a checkout whose next call of `method` fails so.
async fn disturbed(t: &T, method: &'static str, fault: Fault) -> Order {
    t.world.next(method, fault);
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    let order = checkout(t, cart, GOOD).await.unwrap();
    assert_eq!(of_cart(t, cart).await, order, "{method}");
    order
}

/// Nobody waits for a lease: who could not go on has handed the order over.
async fn ends_as(t: &T, order: &Order, status: OrderStatus) {
    assert_eq!(t.world.sweep().await, 1);
    let ended = read(t, order.id).await;
    assert_eq!((ended.status, ended.open_steps.len()), (status, 0), "{ended:?}");
    assert_eq!(t.world.sweep().await, 0);
}

pub(crate) async fn of_the_carts_are_named_and_leave_nothing(t: T) {
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    t.world.next("cart", Fault::NotDone);
    let failure = failure(checkout(&t, cart, GOOD).await);
    let expected = FailureKind::Dependency {
        module: "carts".to_owned(),
        method: "cart".to_owned(),
    };
    assert_eq!((failure.kind(), failure.may_have_executed()), (&expected, false));
    assert_eq!(all(&t).await, []);
}

pub(crate) async fn before_an_order_is_confirmed_leave_it_pending(t: T) {
    for (method, fault, end) in [
        ("reserve", Fault::NotDone, OrderStatus::Failed),
        ("reserve", Fault::AnswerLost, OrderStatus::Failed),
        ("authorize", Fault::NotDone, OrderStatus::Failed),
        // The money is held, so the order can go forward without its token.
        ("authorize", Fault::AnswerLost, OrderStatus::Confirmed),
    ] {
        let order = disturbed(&t, method, fault).await;
        assert_eq!(order.status, OrderStatus::Pending, "{method}");
        assert_eq!(order.open_steps, ["reserve", "authorize"]);
        ends_as(&t, &order, end).await;
        let failure = (end == OrderStatus::Failed).then_some(FailureReason::Interrupted);
        assert_eq!(read(&t, order.id).await.failure, failure);
        books::agree(&t).await;
    }
}

pub(crate) async fn after_it_is_confirmed_do_not_stop_it(t: T) {
    for method in ["commit", "capture"] {
        for fault in [Fault::NotDone, Fault::AnswerLost] {
            let order = disturbed(&t, method, fault).await;
            assert_eq!(order.status, OrderStatus::Confirmed, "{method}");
            assert_eq!(order.open_steps, ["ship", "capture"]);
            ends_as(&t, &order, OrderStatus::Confirmed).await;
            books::agree(&t).await;
        }
    }
}

pub(crate) async fn while_it_is_undone_do_not_hide_that_it_failed(t: T) {
    for fault in [Fault::NotDone, Fault::AnswerLost] {
        t.world.next("release", fault.clone());
        let cart = t.world.cart(&[(t.world.sells(10), 2)]);
        let refused = checkout(&t, cart, DECLINED).await.unwrap_err();
        assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
        let order = of_cart(&t, cart).await;
        assert_eq!(
            (order.status, order.open_steps.as_slice()),
            (OrderStatus::Failed, &["release".to_owned()][..])
        );
        ends_as(&t, &order, OrderStatus::Failed).await;
        books::agree(&t).await;

        // An order that the sweeper undoes has more to let go, and either may have to be done again.
        for method in ["void", "release"] {
            let order = disturbed(&t, "authorize", Fault::NotDone).await;
            t.world.next(method, fault.clone());
            assert_eq!(t.world.sweep().await, 0);
            let undone = read(&t, order.id).await;
            assert_eq!(
                (undone.status, undone.failure),
                (OrderStatus::Failed, Some(FailureReason::Interrupted))
            );
            assert_eq!(undone.open_steps, ["void", "release"]);
            t.clock.advance(Duration::from_secs(1));
            ends_as(&t, &order, OrderStatus::Failed).await;
            books::agree(&t).await;
        }
    }
}

pub(crate) async fn while_goods_come_back_do_not_stop_them(t: T) {
    for method in ["refund", "record_many"] {
        for fault in [Fault::NotDone, Fault::AnswerLost] {
            let order = bought(&t, &[3]).await;
            t.world.next(method, fault.clone());
            let back = t
                .api
                .return_goods(&mut t.cx(), order.id, vec![line(1, 1)])
                .await
                .unwrap();
            assert_eq!(back.open_steps, ["refund-1", "restock-1"]);
            assert_eq!(back, read(&t, order.id).await);
            ends_as(&t, &order, OrderStatus::Confirmed).await;
            t.world.next(method, fault);
            let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
            assert_eq!(cancelled.status, OrderStatus::Cancelled);
            assert_eq!(cancelled.open_steps, ["refund-2", "restock-2"]);
            assert_eq!(cancelled, read(&t, order.id).await);
            ends_as(&t, &order, OrderStatus::Cancelled).await;
            books::agree(&t).await;
        }
    }
}

pub(crate) async fn that_hang_end_with_the_deadline(t: T) {
    for (method, end) in [
        ("reserve", OrderStatus::Failed),
        ("authorize", OrderStatus::Failed),
        ("commit", OrderStatus::Confirmed),
        ("capture", OrderStatus::Confirmed),
    ] {
        let cart = t.world.cart(&[(t.world.sells(10), 2)]);
        let order = broken_off_at(&t, method, cart, method).await;
        assert_eq!(t.world.sweep().await, 0);
        t.clock.advance(LEASE);
        ends_as(&t, &order, end).await;
    }
    books::agree(&t).await;
}

/// Two processes never have quite the same time.
pub(crate) async fn of_the_clock_are_waited_out(t: T) {
    let order = bought(&t, &[3]).await;
    t.world.inventory.is_behind(Duration::from_secs(2));
    let cancelled = t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(cancelled.open_steps, ["refund-1", "restock-1"]);
    assert_eq!(t.world.sweep().await, 0);
    t.clock.advance(Duration::from_secs(2));
    ends_as(&t, &order, OrderStatus::Cancelled).await;

    t.world.payments.refuse_captures();
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    let refused = checkout(&t, cart, GOOD).await.unwrap_err();
    assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
    let order = of_cart(&t, cart).await;
    assert_eq!(order.open_steps, ["put-back", "void"]);
    assert_eq!(t.world.sweep().await, 0);
    t.clock.advance(Duration::from_secs(2));
    ends_as(&t, &order, OrderStatus::Failed).await;
    books::agree(&t).await;
}

pub(crate) async fn of_everything_are_waited_out(t: T) {
    let paid = disturbed(&t, "authorize", Fault::AnswerLost).await;
    let unpaid = disturbed(&t, "authorize", Fault::NotDone).await;
    let all_faults = [&t.world.inventory.faults, &t.world.payments.faults];
    for faults in all_faults {
        faults.away(true);
    }
    for _ in 0..5 {
        assert_eq!(t.world.sweep().await, 0);
        t.clock.advance(Duration::from_secs(60));
    }
    for faults in all_faults {
        faults.away(false);
    }
    assert_eq!(t.world.sweep().await, 2);
    assert_eq!(read(&t, paid.id).await.status, OrderStatus::Confirmed);
    assert_eq!(read(&t, unpaid.id).await.status, OrderStatus::Failed);
    books::agree(&t).await;
}
