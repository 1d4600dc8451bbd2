//! Prices and totals of carts.

use carts_api::v1::CartsError;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{FailureKind, Money};

use crate::T;
use crate::lines::{a_cart, read, set};
use crate::stub_catalog::{euros, pounds};

pub(crate) async fn are_current_at_each_read(t: T) {
    let product = t.fakes.sells("A", pounds("2.55"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 2).await;
    assert_eq!(read(&t, cart).await.total, pounds("5.10"));
    t.fakes.reprices(product, pounds("0.001"));
    let cart = read(&t, cart).await;
    assert_eq!(
        (cart.lines[0].unit_price, cart.total),
        (pounds("0.001"), pounds("0.002"))
    );
}

pub(crate) async fn of_products_that_cannot_be_bought_are_not_in_the_total(t: T) {
    let [sold, ended, foreign] = ["A", "B", "C"].map(|sku| t.fakes.sells(sku, pounds("1.00")));
    let cart = a_cart(&t).await;
    for product in [sold, ended, foreign] {
        set(&t, cart, product, 3).await;
    }
    t.fakes.discontinues(ended);
    t.fakes.reprices(foreign, euros("1.00"));
    let read = read(&t, cart).await;
    assert_eq!(read.total, pounds("3.00"));
    let statuses: Vec<_> = read.lines.iter().map(|line| line.status).collect();
    assert_eq!(
        statuses,
        [
            ProductStatus::Active,
            ProductStatus::Discontinued,
            ProductStatus::Active
        ]
    );
    let totals: Vec<_> = read.lines.iter().map(|line| line.line_total).collect();
    assert_eq!(totals, [pounds("3.00"), pounds("3.00"), euros("3.00")]);
}

pub(crate) async fn with_a_total_out_of_range_are_rejected(t: T) {
    let product = t.fakes.sells("A", Money::new(i64::MAX, Money::GBP));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    assert_eq!(read(&t, cart).await.total, Money::new(i64::MAX, Money::GBP));
    set(&t, cart, product, 2).await;
    let Err(CartsError::Call(failure)) = t.api.cart(&mut t.cx(), cart).await else {
        panic!("the total is beyond the largest amount");
    };
    let expected = FailureKind::Refused {
        status: 422,
        code: "cart-too-large".to_owned(),
    };
    assert_eq!(failure.kind(), &expected);
    assert!(failure.message().contains(&cart.to_string()), "{failure}");
    // A smaller quantity resolves the error.
    set(&t, cart, product, 1).await;
    read(&t, cart).await;
}
