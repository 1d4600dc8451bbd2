//! Checkout: contents, stock, payment and prices of orders.

use std::time::Duration;

use inventory_api::v1::ReservationState;
use offshoot_contract::{Clock, Money};
use orders_api::v1::{FailureReason, Order, OrderLine, OrderStatus, OrdersError, UNSPECIFIED_COUNTRY};
use payments_api::v1::{PaymentStatus, PaymentToken};

use crate::T;
use crate::fixture::{COUNTRY, EMAIL, RESERVATION, all_orders, checkout, pounds, read, spawn_checkout};
use crate::invariants;
use crate::stub_payments::{DECLINED, GOOD};

pub(crate) async fn an_order_has_the_lines_and_prices_of_the_cart(t: T) {
    let [a, b] = [10, 20].map(|units| t.fakes.add_product(units));
    let cart = t
        .fakes
        .carts
        .add_cart(&[(b, 3, pounds("0.001")), (a, 2, pounds("2.55"))]);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    let line = |number, product, sku: &str, quantity, unit_price: &str, line_total: &str| OrderLine {
        number,
        product_id: Some(product),
        sku: sku.to_owned(),
        name: format!("PRODUCT {number}"),
        quantity,
        returned: 0,
        unit_price: pounds(unit_price),
        line_total: pounds(line_total),
    };
    let expected = Order {
        id: order.id,
        status: OrderStatus::Confirmed,
        failure: None,
        number: None,
        cart_id: Some(cart),
        customer: EMAIL.to_owned(),
        country: COUNTRY.to_owned(),
        lines: vec![
            line(1, b, "SKU-1", 3, "0.001", "0.003"),
            line(2, a, "SKU-2", 2, "2.55", "5.10"),
        ],
        total: pounds("5.103"),
        refunded: Money::new(0, Money::GBP),
        returns: Vec::new(),
        open_steps: Vec::new(),
        placed_at: t.clock.now(),
        updated_at: t.clock.now(),
    };
    assert_eq!(order, expected);
    assert_eq!(read(&t, order.id).await, expected);

    let other = t.fakes.add_cart(&[(a, 1)]);
    let (email, token) = (format!(" {EMAIL}\n"), PaymentToken::new(GOOD));
    let order = t.api.checkout(&mut t.cx(), other, email, None, token).await.unwrap();
    assert_eq!(
        (order.customer.as_str(), order.country.as_str()),
        (EMAIL, UNSPECIFIED_COUNTRY)
    );
    invariants::assert_hold(&t).await;
}

pub(crate) async fn stock_ships_once_and_the_payment_is_captured_once(t: T) {
    let [a, b] = [10, 20].map(|units| t.fakes.add_product(units));
    let cart = t.fakes.add_cart(&[(a, 4), (b, 5)]);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    assert_eq!((t.fakes.inventory.on_hand(a), t.fakes.inventory.on_hand(b)), (6, 15));
    let payments = t.fakes.payments.payments_of(order.id);
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0].reference, format!("{}.authorize", order.id));
    assert_eq!(
        (payments[0].status, payments[0].captured),
        (PaymentStatus::Captured, order.total)
    );
    let reservations = t.fakes.inventory.reservations_of(order.id);
    assert_eq!(reservations.len(), 1);
    assert_eq!(reservations[0].reference, format!("{}.reserve", order.id));
    assert_eq!(reservations[0].state, ReservationState::Committed);
    assert_eq!(reservations[0].expires_at, t.clock.now().plus(RESERVATION));
    // Each call was made once, and no other call was made.
    for (method, calls) in [("reserve", 1), ("commit", 1), ("release", 0), ("record_many", 0)] {
        assert_eq!(t.fakes.inventory.faults.count_calls(method), calls, "{method}");
    }
    for (method, calls) in [
        ("authorize", 1),
        ("capture", 1),
        ("settle", 0),
        ("void", 0),
        ("refund", 0),
    ] {
        assert_eq!(t.fakes.payments.faults.count_calls(method), calls, "{method}");
    }
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_cart_with_the_most_lines_becomes_one_order(t: T) {
    let lines: Vec<_> = (1..=carts_api::v1::MAX_LINES)
        .map(|quantity| (t.fakes.add_product(u64::from(quantity)), quantity))
        .collect();
    let order = checkout(&t, t.fakes.add_cart(&lines), GOOD).await.unwrap();
    let ordered = order.lines.iter().map(|line| (line.product_id.unwrap(), line.quantity));
    assert!(ordered.eq(lines.iter().map(|(product, quantity)| (*product, i64::from(*quantity)))));
    // The cancellation returns all lines, in more than one call.
    t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(t.fakes.inventory.returned_references().len(), lines.len());
    invariants::assert_hold(&t).await;
}

pub(crate) async fn an_order_keeps_its_prices(t: T) {
    let product = t.fakes.add_product(10);
    let first = t.fakes.carts.add_cart(&[(product, 1, pounds("2.55"))]);
    let order = checkout(&t, first, GOOD).await.unwrap();
    t.clock.advance(Duration::from_secs(1));
    let dearer = t.fakes.carts.add_cart(&[(product, 1, pounds("9.99"))]);
    checkout(&t, dearer, GOOD).await.unwrap();
    assert_eq!(read(&t, order.id).await, order);
}

pub(crate) async fn a_failed_order_frees_its_cart(t: T) {
    let product = t.fakes.add_product(1);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    let short = checkout(&t, cart, GOOD).await.unwrap_err();
    assert!(matches!(short, OrdersError::InsufficientStock { .. }), "{short:?}");
    t.fakes.inventory.set_stock(product, 2);
    let declined = checkout(&t, cart, DECLINED).await.unwrap_err();
    assert!(matches!(declined, OrdersError::PaymentDeclined { .. }), "{declined:?}");
    let order = checkout(&t, cart, GOOD).await.unwrap();
    assert_eq!(order.status, OrderStatus::Confirmed);
    let failed: Vec<_> = all_orders(&t)
        .await
        .into_iter()
        .filter_map(|order| order.failure)
        .collect();
    assert!(matches!(
        failed.as_slice(),
        [
            FailureReason::PaymentDeclined { .. },
            FailureReason::InsufficientStock { .. }
        ] | [
            FailureReason::InsufficientStock { .. },
            FailureReason::PaymentDeclined { .. }
        ]
    ));
    invariants::assert_hold(&t).await;
}

pub(crate) async fn concurrent_checkouts_never_oversell(t: T) {
    let product = t.fakes.add_product(10);
    let tasks: Vec<_> = (0..25)
        .map(|_| spawn_checkout(&t, t.cx(), t.fakes.add_cart(&[(product, 1)])))
        .collect();
    let mut confirmed = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(order) => {
                assert_eq!(order.status, OrderStatus::Confirmed);
                confirmed += 1;
            }
            Err(OrdersError::InsufficientStock { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((confirmed, t.fakes.inventory.on_hand(product)), (10, 0));
    assert_eq!(all_orders(&t).await.len(), 25);
    invariants::assert_hold(&t).await;
}
