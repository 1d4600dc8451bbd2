//! Failures of the catalog as seen by callers of the carts.

use carts_api::v1::CartsError;
use catalog_api::v1::CatalogError;
use offshoot_contract::{CallFailure, FailureKind};

use crate::T;
use crate::lines::{a_cart, read, set};
use crate::stub_catalog::pounds;

pub(crate) fn catalog_down() -> CallFailure {
    CallFailure::not_executed(FailureKind::Unavailable, "the catalog is down")
}

pub(crate) fn failure<A>(result: Result<A, CartsError>) -> CallFailure {
    match result {
        Err(CartsError::Call(failure)) => failure,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the call succeeded"),
    }
}

/// The projection is empty and cannot replace the catalog.
pub(crate) async fn a_catalog_outage_names_the_failed_call(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    t.fakes.fails_with(catalog_down());
    let reading = failure(t.api.cart(&mut t.cx(), cart).await);
    let setting = failure(t.api.set_quantity(&mut t.cx(), cart, product, 2).await);
    for (failure, method) in [(reading, "products_by_id"), (setting, "product")] {
        let expected = FailureKind::Dependency {
            module: "catalog".to_owned(),
            method: method.to_owned(),
            cause: "unavailable".to_owned(),
        };
        assert_eq!(failure.kind(), &expected);
        assert!(!failure.may_have_executed(), "{failure}");
    }
}

pub(crate) async fn creating_and_emptying_a_cart_needs_no_catalog(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    t.fakes.fails_with(catalog_down());
    let other = a_cart(&t).await;
    t.api.remove(&mut t.cx(), cart, product).await.unwrap();
    assert_eq!(read(&t, cart).await.lines, []);
    assert_eq!(read(&t, other).await.lines, []);
}

pub(crate) async fn a_product_missing_in_the_catalog_is_named(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    t.fakes.deletes(product);
    let failure = failure(t.api.cart(&mut t.cx(), cart).await);
    assert_eq!(failure.kind(), &FailureKind::Internal);
    assert!(failure.message().contains(&product.to_string()), "{failure}");
    assert!(!failure.may_have_executed());
}

pub(crate) async fn an_unexpected_catalog_error_is_an_internal_failure(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    t.fakes.fails_with(CatalogError::BadPageToken);
    let failure = failure(t.api.set_quantity(&mut t.cx(), cart, product, 1).await);
    assert_eq!(failure.kind(), &FailureKind::Internal);
    assert!(!failure.may_have_executed());
}
