//! What becomes of the carts when the catalog does not do its part.

use carts_api::v1::CartsError;
use catalog_api::v1::CatalogError;
use offshoot_contract::{CallFailure, FailureKind};

use crate::T;
use crate::lines::{a_cart, read, set};
use crate::stub_catalog::pounds;

pub(crate) fn away() -> CallFailure {
    CallFailure::not_executed(FailureKind::Unavailable, "the catalog is closed today")
}

pub(crate) fn failure<A>(result: Result<A, CartsError>) -> CallFailure {
    match result {
        Err(CartsError::Call(failure)) => failure,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it succeeded"),
    }
}

/// Where no copy stands in for it.
pub(crate) async fn a_catalog_that_is_away_is_named(t: T) {
    let product = t.world.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    t.world.answers_only(away());
    let reading = failure(t.api.cart(&mut t.cx(), cart).await);
    let setting = failure(t.api.set_quantity(&mut t.cx(), cart, product, 2).await);
    for (failure, method) in [(reading, "products_by_id"), (setting, "product")] {
        let expected = FailureKind::Dependency {
            module: "catalog".to_owned(),
            method: method.to_owned(),
        };
        assert_eq!(failure.kind(), &expected);
        assert!(!failure.may_have_executed(), "{failure}");
    }
}

pub(crate) async fn a_cart_needs_no_catalog_to_be_made_or_emptied(t: T) {
    let product = t.world.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    t.world.answers_only(away());
    let other = a_cart(&t).await;
    t.api.remove(&mut t.cx(), cart, product).await.unwrap();
    assert_eq!(read(&t, cart).await.lines, []);
    assert_eq!(read(&t, other).await.lines, []);
}

pub(crate) async fn a_product_that_the_catalog_has_lost_is_named(t: T) {
    let product = t.world.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    t.world.loses(product);
    let failure = failure(t.api.cart(&mut t.cx(), cart).await);
    assert_eq!(failure.kind(), &FailureKind::Internal);
    assert!(failure.message().contains(&product.to_string()), "{failure}");
    assert!(!failure.may_have_executed());
}

pub(crate) async fn an_answer_that_the_catalog_does_not_give_is_a_failure(t: T) {
    let product = t.world.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    t.world.answers_only(CatalogError::BadPageToken);
    let failure = failure(t.api.set_quantity(&mut t.cx(), cart, product, 1).await);
    assert_eq!(failure.kind(), &FailureKind::Internal);
    assert!(!failure.may_have_executed());
}
