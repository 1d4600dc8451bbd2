//! Prices from the projection, used while the catalog is unreachable.

use std::time::{Duration, Instant};

use carts_api::v1::{CartsError, NewLine, ProductId};
use catalog_api::v1::{Product, ProductStatus};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Timestamp};

use crate::T;
use crate::catalog_events::{clear_projection, deliver, project_from_log};
use crate::dependency::{catalog_down, failure};
use crate::lines::{a_cart, read, set};
use crate::stub_catalog::{euros, pounds};

fn product(t: &T, id: ProductId) -> Product {
    t.fakes.current_product(id)
}

pub(crate) async fn serve_reads_and_changes_during_a_catalog_outage(t: T) {
    let [a, b] = ["A", "B"].map(|sku| t.fakes.sells(sku, pounds("1.00")));
    let cart = a_cart(&t).await;
    set(&t, cart, a, 2).await;
    let as_of = project_from_log(&t, &[product(&t, a), product(&t, b)]).await;
    let before = read(&t, cart).await;
    assert_eq!(before.prices_as_of, None);
    t.fakes.fails_with(catalog_down());
    set(&t, cart, b, 3).await;
    t.api.set_quantity(&mut t.cx(), cart, a, 4).await.unwrap();
    let shown = read(&t, cart).await;
    assert_eq!((shown.total, shown.prices_as_of), (pounds("7.00"), Some(as_of)));
    let names: Vec<_> = shown.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["PRODUCT A", "PRODUCT B"]);
    let whole = vec![NewLine {
        product_id: b,
        quantity: 1,
    }];
    t.api.set_lines(&mut t.cx(), cart, whole).await.unwrap();
    assert_eq!(read(&t, cart).await.total, pounds("1.00"));
}

pub(crate) async fn are_not_used_while_the_catalog_answers(t: T) {
    let a = t.fakes.sells("A", pounds("1.00"));
    project_from_log(&t, &[product(&t, a)]).await;
    t.fakes.reprices(a, pounds("2.00"));
    let gone = t.fakes.sells("B", pounds("1.00"));
    deliver(&t, &[product(&t, gone)]).await;
    t.fakes.deletes(gone);
    let cart = a_cart(&t).await;
    set(&t, cart, a, 1).await;
    let shown = read(&t, cart).await;
    assert_eq!((shown.total, shown.prices_as_of), (pounds("2.00"), None));
    // "Unknown product" is an answer of the catalog and wins over the projection.
    let unknown = t.api.set_quantity(&mut t.cx(), cart, gone, 1).await;
    assert_eq!(unknown, Err(CartsError::UnknownProduct { id: gone }));
}

pub(crate) async fn reject_products_that_cannot_be_bought(t: T) {
    let ended = t.fakes.sells("A", pounds("1.00"));
    let foreign = t.fakes.sells("B", euros("1.00"));
    t.fakes.discontinues(ended);
    project_from_log(&t, &[product(&t, ended), product(&t, foreign)]).await;
    let cart = a_cart(&t).await;
    t.fakes.fails_with(catalog_down());
    let refused = t.api.set_quantity(&mut t.cx(), cart, ended, 1).await;
    assert_eq!(refused, Err(CartsError::NotForSale { id: ended }));
    let refused = t.api.set_quantity(&mut t.cx(), cart, foreign, 1).await;
    assert!(matches!(refused, Err(CartsError::OtherCurrency { .. })), "{refused:?}");
}

pub(crate) async fn are_used_for_all_products_or_for_none(t: T) {
    let [a, b] = ["A", "B"].map(|sku| t.fakes.sells(sku, pounds("1.00")));
    let cart = a_cart(&t).await;
    for each in [a, b] {
        set(&t, cart, each, 1).await;
    }
    project_from_log(&t, &[product(&t, a)]).await;
    t.fakes.fails_with(catalog_down());
    let dependency = |method: &str| FailureKind::Dependency {
        module: "catalog".to_owned(),
        method: method.to_owned(),
        cause: "unavailable".to_owned(),
    };
    let reading = failure(t.api.cart(&mut t.cx(), cart).await);
    assert_eq!(reading.kind(), &dependency("products_by_id"));
    // Without the catalog, a product missing in the projection may or may not exist.
    let setting = failure(t.api.set_quantity(&mut t.cx(), cart, b, 2).await);
    assert_eq!(setting.kind(), &dependency("product"));
    deliver(
        &t,
        &[Product {
            id: b,
            ..product(&t, a)
        }],
    )
    .await;
    assert_eq!(read(&t, cart).await.lines.len(), 2);
}

pub(crate) async fn of_unknown_age_are_not_used(t: T) {
    let a = t.fakes.sells("A", pounds("1.00"));
    deliver(&t, &[product(&t, a)]).await;
    let cart = a_cart(&t).await;
    t.fakes.fails_with(catalog_down());
    let setting = failure(t.api.set_quantity(&mut t.cx(), cart, a, 2).await);
    assert!(matches!(setting.kind(), FailureKind::Dependency { .. }), "{setting}");
}

pub(crate) async fn keep_the_latest_version(t: T) {
    let a = t.fakes.sells("A", pounds("1.00"));
    let first = product(&t, a);
    let third = Product {
        price: pounds("3.00"),
        version: 3,
        ..first.clone()
    };
    let second = Product {
        status: ProductStatus::Discontinued,
        version: 2,
        ..first.clone()
    };
    let cart = a_cart(&t).await;
    set(&t, cart, a, 1).await;
    project_from_log(&t, &[first.clone(), third.clone()]).await;
    t.fakes.fails_with(catalog_down());
    for older in [second, first] {
        deliver(&t, &[older]).await;
        assert_eq!(read(&t, cart).await.total, pounds("3.00"));
    }
    clear_projection(&t).await;
    failure(t.api.cart(&mut t.cx(), cart).await);
    deliver(&t, &[third]).await;
    assert_eq!(read(&t, cart).await.total, pounds("3.00"));
}

pub(crate) async fn are_used_when_the_catalog_hangs(t: T) {
    let a = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, a, 1).await;
    project_from_log(&t, &[product(&t, a)]).await;
    t.fakes.hangs();
    let limit = Duration::from_secs(4);
    let asked = Instant::now();
    let mut cx = CallContext::root("public").with_timeout(limit);
    let shown = t.api.cart(&mut cx, cart).await.unwrap();
    assert!(shown.prices_as_of.is_some());
    assert!(asked.elapsed() < limit);
    clear_projection(&t).await;
    let mut cx = CallContext::root("public").with_timeout(limit);
    let failure = failure(t.api.cart(&mut cx, cart).await);
    assert!(matches!(failure.kind(), FailureKind::Dependency { .. }), "{failure}");
}

/// A refusal is an answer of the catalog, not an outage.
pub(crate) async fn do_not_hide_refusals(t: T) {
    let a = t.fakes.sells("A", pounds("1.00"));
    project_from_log(&t, &[product(&t, a)]).await;
    let cart = a_cart(&t).await;
    t.fakes
        .fails_with(CallFailure::refused(403, "not-admitted", "the carts may not ask"));
    failure(t.api.set_quantity(&mut t.cx(), cart, a, 2).await);
    let unknown = ProductId::new(Timestamp::from_micros(0).unwrap());
    failure(t.api.set_quantity(&mut t.cx(), cart, unknown, 2).await);
}
