//! Orders that cannot be carried through although they were agreed, and those that others decide.

use std::time::Duration;

use offshoot_contract::CallContext;
use orders_api::v1::{FailureReason, OrderStatus, OrdersError, RevenueBy};
use payments_api::v1::PaymentStatus;

use crate::T;
use crate::books;
use crate::faults::{Fault, Gate};
use crate::shop::{buying, checkout, of_cart, pounds, read};
use crate::stub_payments::{DECLINED, GOOD, SLOW, WHY_DECLINED, WHY_REFUSED};

use std::sync::Arc;

pub(crate) async fn money_that_cannot_be_taken_brings_the_goods_back(t: T) {
    let product = t.world.sells(10);
    let cart = t.world.cart(&[(product, 2)]);
    t.world.payments.refuse_captures();
    let refused = checkout(&t, cart, GOOD).await;
    let order = of_cart(&t, cart).await;
    let (order_id, reason) = (order.id, WHY_REFUSED.to_owned());
    assert_eq!(
        order.failure,
        Some(FailureReason::PaymentDeclined { why: reason.clone() })
    );
    assert_eq!(refused, Err(OrdersError::PaymentDeclined { order_id, reason }));
    assert_eq!(t.world.inventory.returned(), [format!("{order_id}.put-back.1")]);
    assert_eq!(t.world.inventory.on_hand(product), 10);
    let revenue = t.api.revenue(&mut t.cx(), RevenueBy::Country).await.unwrap();
    let total = &revenue.totals[0];
    assert_eq!(
        (total.net, total.gross, total.credit),
        (pounds("0"), pounds("5.10"), pounds("-5.10"))
    );
    assert_eq!((total.sales, total.credits), (1, 1));
    books::agree(&t).await;

    // Each of the steps back may have to be done again, and the caller knows that it failed.
    for (method, left) in [("record_many", ["put-back", "void"]), ("void", ["put-back", "void"])] {
        for fault in [Fault::NotDone, Fault::AnswerLost] {
            t.world.next(method, fault);
            let cart = t.world.cart(&[(product, 2)]);
            let refused = checkout(&t, cart, GOOD).await.unwrap_err();
            assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
            assert_eq!(of_cart(&t, cart).await.open_steps, left);
            assert_eq!(t.world.sweep().await, 1);
            books::agree(&t).await;
        }
    }
}

pub(crate) async fn money_that_somebody_let_go_brings_the_goods_back(t: T) {
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    let gate = Gate::closed();
    t.world.next("capture", Fault::ArrivesLate(Arc::clone(&gate)));
    let buying = buying(&t, t.cx(), cart);
    gate.is_reached().await;
    let order_id = of_cart(&t, cart).await.id;
    let payments = t.world.payments.behind_their_edge();
    let mut cx = CallContext::root("orders");
    payments.void(&mut cx, format!("{order_id}.authorize")).await.unwrap();
    gate.open();
    let told = buying.await.unwrap();
    assert_eq!(told, Err(OrdersError::CheckoutInterrupted { order_id }));
    books::agree(&t).await;
}

pub(crate) async fn goods_that_somebody_let_go_end_the_order(t: T) {
    for method in ["reserve", "commit"] {
        let product = t.world.sells(10);
        let cart = t.world.cart(&[(product, 2)]);
        let gate = Gate::closed();
        t.world.next(method, Fault::ArrivesLate(Arc::clone(&gate)));
        let buying = buying(&t, t.cx(), cart);
        gate.is_reached().await;
        let order_id = of_cart(&t, cart).await.id;
        let inventory = t.world.inventory.behind_its_edge();
        let mut cx = CallContext::root("orders");
        inventory.release(&mut cx, format!("{order_id}.reserve")).await.unwrap();
        gate.open();
        let told = buying.await.unwrap();
        assert_eq!(told, Err(OrdersError::CheckoutInterrupted { order_id }), "{method}");
        assert_eq!(t.world.inventory.on_hand(product), 10);
        books::agree(&t).await;
    }
}

pub(crate) async fn a_promise_that_ran_out_is_kept_while_there_is_enough(t: T) {
    let product = t.world.sells(10);
    let cart = t.world.cart(&[(product, 2)]);
    for method in ["commit", "authorize"] {
        let cart = t.world.cart(&[(product, 2)]);
        t.world.next(method, Fault::AnswerLost);
        let order = checkout(&t, cart, GOOD).await.unwrap();
        t.world.inventory.lets_promises_expire();
        assert_eq!(t.world.sweep().await, 1);
        assert_eq!(read(&t, order.id).await.status, OrderStatus::Confirmed, "{method}");
        books::agree(&t).await;
    }
    t.world.next("commit", Fault::NotDone);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    t.world.inventory.lets_promises_expire();
    t.world.inventory.has(product, 2);
    assert_eq!(t.world.sweep().await, 1);
    assert_eq!(read(&t, order.id).await.status, OrderStatus::Confirmed);
    assert_eq!(t.world.inventory.on_hand(product), 0);
    books::agree(&t).await;
}

pub(crate) async fn a_promise_that_ran_out_fails_without_goods(t: T) {
    for (method, fault) in [("commit", Fault::NotDone), ("authorize", Fault::AnswerLost)] {
        let product = t.world.sells(10);
        let cart = t.world.cart(&[(product, 2)]);
        t.world.next(method, fault);
        let order = checkout(&t, cart, GOOD).await.unwrap();
        t.world.inventory.lets_promises_expire();
        t.world.inventory.has(product, 1);
        assert_eq!(t.world.sweep().await, 1);
        let failed = read(&t, order.id).await;
        assert_eq!(failed.status, OrderStatus::Failed, "{method}");
        let Some(FailureReason::InsufficientStock { lines }) = &failed.failure else {
            panic!("{failed:?}");
        };
        assert_eq!(
            (lines[0].sku.as_str(), lines[0].requested, lines[0].available),
            ("SKU-1", 2, 1)
        );
        books::agree(&t).await;
        // Its cart is free.
        t.world.inventory.has(product, 2);
        checkout(&t, cart, GOOD).await.unwrap();
        books::agree(&t).await;
    }
}

pub(crate) async fn a_slow_provider_decides_the_order(t: T) {
    for (decided, status) in [
        (PaymentStatus::Authorized, OrderStatus::Confirmed),
        (PaymentStatus::Declined, OrderStatus::Failed),
        (PaymentStatus::Voided, OrderStatus::Failed),
    ] {
        let cart = t.world.cart(&[(t.world.sells(10), 2)]);
        t.world.payments.slow_ones_are(PaymentStatus::Pending);
        let order = checkout(&t, cart, SLOW).await.unwrap();
        assert_eq!(order.status, OrderStatus::Pending);
        // It still has not decided.
        assert_eq!(t.world.sweep().await, 0);
        assert_eq!(read(&t, order.id).await, order);
        t.clock.advance(Duration::from_secs(1));
        t.world.payments.slow_ones_are(decided);
        assert_eq!(t.world.sweep().await, 1);
        let ended = read(&t, order.id).await;
        let why = WHY_DECLINED.to_owned();
        let failure = match decided {
            PaymentStatus::Declined => Some(FailureReason::PaymentDeclined { why }),
            PaymentStatus::Voided => Some(FailureReason::Interrupted),
            _ => None,
        };
        assert_eq!((ended.status, ended.failure), (status, failure));
        books::agree(&t).await;
    }
    // A declined one, of which the orders did not hear.
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    t.world.next("authorize", Fault::AnswerLost);
    let order = checkout(&t, cart, DECLINED).await.unwrap();
    assert_eq!(t.world.sweep().await, 1);
    assert_eq!(read(&t, order.id).await.status, OrderStatus::Failed);
    books::agree(&t).await;
}

pub(crate) async fn an_answer_that_makes_no_sense_decides_nothing(t: T) {
    let product = t.world.sells(10);
    let cart = t.world.cart(&[(product, 2)]);
    t.world.next("capture", Fault::NotDone);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    // A payment that is lost cannot have been taken; somebody has to look.
    let payment = t.world.payments.loses(order.id);
    for _ in 0..3 {
        t.clock.advance(Duration::from_secs(60));
        assert_eq!(t.world.sweep().await, 0);
        let open = read(&t, order.id).await;
        assert_eq!((open.status, open.open_steps.len()), (OrderStatus::Confirmed, 2));
    }
    t.world.payments.finds(payment);
    t.clock.advance(Duration::from_secs(60));
    assert_eq!(t.world.sweep().await, 1);
    books::agree(&t).await;
}
