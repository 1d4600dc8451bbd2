//! Checkouts that are refused, and the reasons.

use std::time::Duration;

use carts_api::CartId;
use carts_api::v1::CartsError;
use inventory_api::v1::ReservationState;
use offshoot_contract::{Clock, FailureKind, Timestamp};
use orders_api::v1::{FailureReason, MAX_EMAIL_BYTES, MAX_NAME_CHARS, Order, OrderStatus, OrdersError, ShortLine};
use payments_api::v1::PaymentToken;

use crate::T;
use crate::fixture::{
    EMAIL, all_orders, checkout, confirmed_order, euros, expect_failure, order_of_cart, pounds, read,
};
use crate::invariants;
use crate::stub_payments::{DECLINED, GOOD, INVALID, WHY_DECLINED};

async fn checkout_as(t: &T, cart: CartId, email: &str, country: Option<&str>) -> Result<Order, OrdersError> {
    let (email, country) = (email.to_owned(), country.map(str::to_owned));
    t.api
        .checkout(&mut t.cx(), cart, email, country, PaymentToken::new(GOOD))
        .await
}

fn invalid_field(refused: Result<Order, OrdersError>) -> String {
    match refused {
        Err(OrdersError::InvalidCheckout { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn an_invalid_email_is_refused(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(1), 1)]);
    let host = "x".repeat(MAX_EMAIL_BYTES - 4);
    let bad = [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a da@example.com",
        "ada@b@c",
        "ada@b\nc",
        "ada@b\0c",
        &format!("adaa@{host}"),
    ];
    for email in bad {
        let refused = checkout_as(&t, cart, email, None).await;
        assert_eq!(invalid_field(refused), "email", "{email:?}");
    }
    assert_eq!(all_orders(&t).await, []);
    let longest = format!("ada@{host}");
    let order = checkout_as(&t, cart, &longest, None).await.unwrap();
    assert_eq!(order.customer, longest);
}

pub(crate) async fn an_invalid_country_is_refused(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(1), 1)]);
    for country in ["", " ", "a\u{7}b", &"ü".repeat(MAX_NAME_CHARS + 1)] {
        let refused = checkout_as(&t, cart, EMAIL, Some(country)).await;
        assert_eq!(invalid_field(refused), "country", "{country:?}");
    }
    assert_eq!(all_orders(&t).await, []);
    let longest = "ü".repeat(MAX_NAME_CHARS);
    let order = checkout_as(&t, cart, EMAIL, Some(&format!(" {longest}")))
        .await
        .unwrap();
    assert_eq!(order.country, longest);
}

pub(crate) async fn an_unusable_cart_is_refused(t: T) {
    let id = CartId::new("2010-12-01T08:26:00Z".parse().unwrap());
    assert_eq!(checkout(&t, id, GOOD).await, Err(OrdersError::UnknownCart { id }));
    let id = t.fakes.add_cart(&[]);
    assert_eq!(checkout(&t, id, GOOD).await, Err(OrdersError::EmptyCart { id }));
    let expired_at = Timestamp::from_micros(0).unwrap();
    t.fakes.carts.fail_with(id, CartsError::CartExpired { id, expired_at });
    assert_eq!(checkout(&t, id, GOOD).await, Err(OrdersError::CartExpired { id }));
    // An error that reading a cart does not give.
    t.fakes.carts.fail_with(
        id,
        CartsError::DuplicateLine {
            id: t.fakes.add_product(1),
        },
    );
    let failure = expect_failure(checkout(&t, id, GOOD).await);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::Internal, false)
    );
    assert_eq!(all_orders(&t).await, []);
}

/// While the catalog is unavailable, carts answer with projected prices.
pub(crate) async fn old_prices_are_refused(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(1), 1)]);
    let now = t.clock.now();
    t.fakes.carts.set_prices_as_of(cart, now);
    t.clock.advance(Duration::from_secs(15 * 60 + 1));
    let refused = expect_failure(checkout(&t, cart, GOOD).await);
    assert!(matches!(refused.kind(), FailureKind::Dependency { .. }), "{refused}");
    assert!(!refused.may_have_executed(), "{refused}");
    assert_eq!(all_orders(&t).await, []);
    t.fakes.carts.set_prices_as_of(cart, now.plus(Duration::from_secs(1)));
    let order = checkout(&t, cart, GOOD).await.unwrap();
    assert_eq!(order.status, OrderStatus::Confirmed);
}

pub(crate) async fn a_cart_is_ordered_once(t: T) {
    let order = confirmed_order(&t, &[1]).await;
    let cart_id = order.cart_id.unwrap();
    let before = OrdersError::AlreadyOrdered {
        cart_id,
        order_id: order.id,
    };
    assert_eq!(checkout(&t, cart_id, GOOD).await, Err(before.clone()));
    // The cart of a cancelled order cannot be ordered again.
    t.api.cancel(&mut t.cx(), order.id).await.unwrap();
    assert_eq!(checkout(&t, cart_id, GOOD).await, Err(before));
    assert_eq!(all_orders(&t).await.len(), 1);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_product_not_for_sale_is_named(t: T) {
    let [a, b] = [1, 1].map(|units| t.fakes.add_product(units));
    let discontinued = t.fakes.add_cart(&[(a, 1), (b, 1)]);
    t.fakes.carts.discontinue(discontinued, 1);
    let foreign = t.fakes.carts.add_cart(&[(a, 1, pounds("1.00")), (b, 1, euros("1.00"))]);
    for cart in [discontinued, foreign] {
        let refused = checkout(&t, cart, GOOD).await;
        assert_eq!(refused, Err(OrdersError::NotForSale { product_id: b }));
    }
    assert_eq!(all_orders(&t).await, []);
    assert_eq!(t.fakes.inventory.faults.count_calls("reserve"), 0);
}

pub(crate) async fn lines_with_too_little_stock_are_named(t: T) {
    let [a, b, c] = [5, 5, 0].map(|units| t.fakes.add_product(units));
    let cart = t.fakes.add_cart(&[(a, 6), (b, 5), (c, 1)]);
    let refused = checkout(&t, cart, GOOD).await;
    let order = order_of_cart(&t, cart).await;
    let short = |product_id, sku: &str, requested, available| ShortLine {
        product_id,
        sku: sku.to_owned(),
        requested,
        available,
    };
    let Err(OrdersError::InsufficientStock { order_id, mut lines }) = refused else {
        panic!("{refused:?}");
    };
    lines.sort_by(|one, other| one.sku.cmp(&other.sku));
    assert_eq!(order_id, order.id);
    assert_eq!(lines, [short(a, "SKU-1", 6, 5), short(c, "SKU-3", 1, 0)]);
    assert_eq!(order.status, OrderStatus::Failed);
    let Some(FailureReason::InsufficientStock { lines: stored }) = &order.failure else {
        panic!("{:?}", order.failure);
    };
    assert_eq!(stored.len(), 2);
    assert_eq!(t.fakes.payments.payments_of(order.id), []);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_declined_payment_releases_the_reservation(t: T) {
    let product = t.fakes.add_product(5);
    let cart = t.fakes.add_cart(&[(product, 2)]);
    let refused = checkout(&t, cart, DECLINED).await;
    let order = order_of_cart(&t, cart).await;
    let reason = WHY_DECLINED.to_owned();
    assert_eq!(
        order.failure,
        Some(FailureReason::PaymentDeclined { why: reason.clone() })
    );
    let order_id = order.id;
    assert_eq!(refused, Err(OrdersError::PaymentDeclined { order_id, reason }));
    assert_eq!((order.status, order.updated_at), (OrderStatus::Failed, t.clock.now()));
    let reservations = t.fakes.inventory.reservations_of(order_id);
    assert_eq!(reservations[0].state, ReservationState::Released);
    invariants::assert_hold(&t).await;
    assert_eq!(read(&t, order_id).await, order);

    let id = orders_api::OrderId::new(t.clock.now());
    let unknown = t.api.order(&mut t.cx(), id).await;
    assert_eq!(unknown, Err(OrdersError::UnknownOrder { id }));
}

pub(crate) async fn a_card_number_as_token_is_declined(t: T) {
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(5), 2)]);
    let refused = checkout(&t, cart, INVALID).await.unwrap_err();
    assert!(matches!(refused, OrdersError::PaymentDeclined { .. }), "{refused:?}");
    assert!(!refused.to_string().contains("4242"), "{refused}");
    invariants::assert_hold(&t).await;
}
