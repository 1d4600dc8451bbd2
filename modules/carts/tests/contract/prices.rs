//! What a cart costs.

use carts_api::v1::CartsError;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{FailureKind, Money};

use crate::T;
use crate::lines::{a_cart, read, set};
use crate::stub_catalog::{euros, pounds};

pub(crate) async fn are_those_of_the_moment(t: T) {
    let product = t.world.sells("A", pounds("2.55"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 2).await;
    assert_eq!(read(&t, cart).await.total, pounds("5.10"));
    t.world.reprices(product, pounds("0.001"));
    let cart = read(&t, cart).await;
    assert_eq!(
        (cart.lines[0].unit_price, cart.total),
        (pounds("0.001"), pounds("0.002"))
    );
}

pub(crate) async fn of_what_cannot_be_bought_do_not_count(t: T) {
    let [sold, ended, foreign] = ["A", "B", "C"].map(|sku| t.world.sells(sku, pounds("1.00")));
    let cart = a_cart(&t).await;
    for product in [sold, ended, foreign] {
        set(&t, cart, product, 3).await;
    }
    t.world.discontinues(ended);
    t.world.reprices(foreign, euros("1.00"));
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

pub(crate) async fn that_do_not_fit_are_refused(t: T) {
    let product = t.world.sells("A", Money::new(i64::MAX, Money::GBP));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    assert_eq!(read(&t, cart).await.total, Money::new(i64::MAX, Money::GBP));
    set(&t, cart, product, 2).await;
    let Err(CartsError::Call(failure)) = t.api.cart(&mut t.cx(), cart).await else {
        panic!("a total beyond the largest amount");
    };
    let expected = FailureKind::Refused {
        status: 422,
        code: "cart-too-large".to_owned(),
    };
    assert_eq!(failure.kind(), &expected);
    assert!(failure.message().contains(&cart.to_string()), "{failure}");
    // A smaller quantity is the way out.
    set(&t, cart, product, 1).await;
    read(&t, cart).await;
}
