//! The copy of the catalog's prices, which stands in while the catalog is away.

use std::time::{Duration, Instant};

use carts_api::v1::{CartsError, NewLine, ProductId};
use catalog_api::v1::{Product, ProductStatus};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Timestamp};

use crate::T;
use crate::dependency::{away, failure};
use crate::lines::{a_cart, read, set};
use crate::news::{follow, forget, hear};
use crate::stub_catalog::{euros, pounds};

fn product(t: &T, id: ProductId) -> Product {
    t.world.product_as_it_is(id)
}

pub(crate) async fn shows_and_fills_a_cart_while_the_catalog_is_away(t: T) {
    let [a, b] = ["A", "B"].map(|sku| t.world.sells(sku, pounds("1.00")));
    let cart = a_cart(&t).await;
    set(&t, cart, a, 2).await;
    let as_of = follow(&t, &[product(&t, a), product(&t, b)]).await;
    let before = read(&t, cart).await;
    assert_eq!(before.prices_as_of, None);
    t.world.answers_only(away());
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

pub(crate) async fn is_not_asked_while_the_catalog_answers(t: T) {
    let a = t.world.sells("A", pounds("1.00"));
    follow(&t, &[product(&t, a)]).await;
    t.world.reprices(a, pounds("2.00"));
    let gone = t.world.sells("B", pounds("1.00"));
    hear(&t, &[product(&t, gone)]).await;
    t.world.loses(gone);
    let cart = a_cart(&t).await;
    set(&t, cart, a, 1).await;
    let shown = read(&t, cart).await;
    assert_eq!((shown.total, shown.prices_as_of), (pounds("2.00"), None));
    // That it knows no such product is its answer, whatever the copy says.
    let unknown = t.api.set_quantity(&mut t.cx(), cart, gone, 1).await;
    assert_eq!(unknown, Err(CartsError::UnknownProduct { id: gone }));
}

pub(crate) async fn knows_what_is_not_sold(t: T) {
    let ended = t.world.sells("A", pounds("1.00"));
    let foreign = t.world.sells("B", euros("1.00"));
    t.world.discontinues(ended);
    follow(&t, &[product(&t, ended), product(&t, foreign)]).await;
    let cart = a_cart(&t).await;
    t.world.answers_only(away());
    let refused = t.api.set_quantity(&mut t.cx(), cart, ended, 1).await;
    assert_eq!(refused, Err(CartsError::NotForSale { id: ended }));
    let refused = t.api.set_quantity(&mut t.cx(), cart, foreign, 1).await;
    assert!(matches!(refused, Err(CartsError::OtherCurrency { .. })), "{refused:?}");
}

pub(crate) async fn answers_for_all_products_or_for_none(t: T) {
    let [a, b] = ["A", "B"].map(|sku| t.world.sells(sku, pounds("1.00")));
    let cart = a_cart(&t).await;
    for each in [a, b] {
        set(&t, cart, each, 1).await;
    }
    follow(&t, &[product(&t, a)]).await;
    t.world.answers_only(away());
    let dependency = |method: &str| FailureKind::Dependency {
        module: "catalog".to_owned(),
        method: method.to_owned(),
    };
    let reading = failure(t.api.cart(&mut t.cx(), cart).await);
    assert_eq!(reading.kind(), &dependency("products_by_id"));
    // Nobody knows whether there is such a product.
    let setting = failure(t.api.set_quantity(&mut t.cx(), cart, b, 2).await);
    assert_eq!(setting.kind(), &dependency("product"));
    hear(
        &t,
        &[Product {
            id: b,
            ..product(&t, a)
        }],
    )
    .await;
    assert_eq!(read(&t, cart).await.lines.len(), 2);
}

pub(crate) async fn of_unknown_age_answers_nothing(t: T) {
    let a = t.world.sells("A", pounds("1.00"));
    hear(&t, &[product(&t, a)]).await;
    let cart = a_cart(&t).await;
    t.world.answers_only(away());
    let setting = failure(t.api.set_quantity(&mut t.cx(), cart, a, 2).await);
    assert!(matches!(setting.kind(), FailureKind::Dependency { .. }), "{setting}");
}

pub(crate) async fn keeps_the_latest_version(t: T) {
    let a = t.world.sells("A", pounds("1.00"));
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
    follow(&t, &[first.clone(), third.clone()]).await;
    t.world.answers_only(away());
    for older in [second, first] {
        hear(&t, &[older]).await;
        assert_eq!(read(&t, cart).await.total, pounds("3.00"));
    }
    forget(&t).await;
    failure(t.api.cart(&mut t.cx(), cart).await);
    hear(&t, &[third]).await;
    assert_eq!(read(&t, cart).await.total, pounds("3.00"));
}

pub(crate) async fn stands_in_for_a_catalog_that_hangs(t: T) {
    let a = t.world.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, a, 1).await;
    follow(&t, &[product(&t, a)]).await;
    t.world.hangs();
    let limit = Duration::from_secs(4);
    let asked = Instant::now();
    let mut cx = CallContext::root("public").with_timeout(limit);
    let shown = t.api.cart(&mut cx, cart).await.unwrap();
    assert!(shown.prices_as_of.is_some());
    assert!(asked.elapsed() < limit);
    forget(&t).await;
    let mut cx = CallContext::root("public").with_timeout(limit);
    let failure = failure(t.api.cart(&mut cx, cart).await);
    assert!(matches!(failure.kind(), FailureKind::Dependency { .. }), "{failure}");
}

/// What it says of itself is not that it is away.
pub(crate) async fn hides_no_refusal(t: T) {
    let a = t.world.sells("A", pounds("1.00"));
    follow(&t, &[product(&t, a)]).await;
    let cart = a_cart(&t).await;
    t.world
        .answers_only(CallFailure::refused(403, "not-admitted", "the carts may not ask"));
    failure(t.api.set_quantity(&mut t.cx(), cart, a, 2).await);
    let unknown = ProductId::new(Timestamp::from_micros(0).unwrap());
    failure(t.api.set_quantity(&mut t.cx(), cart, unknown, 2).await);
}
