//! Tests of `reprice` and `price_history`.

use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use catalog_api::v1::{CatalogApi, CatalogError, PricePoint, Product, ProductId};
use offshoot_contract::{Clock, ManualClock, Money};

use crate::T;
use crate::builders::{NewProductExt, a_product, add_product, at, euros, pounds, unknown_id};

const SECOND: Duration = Duration::from_secs(1);

async fn history(t: &T, id: ProductId) -> Vec<PricePoint> {
    t.api.price_history(&mut t.cx(), id, None, None).await.unwrap().items
}

pub(crate) async fn a_new_price_becomes_the_newest_in_the_history(t: T) {
    let before = add_product(&t, a_product("A").priced("2.55")).await;
    t.clock.advance(SECOND);
    let after = t.api.reprice(&mut t.cx(), before.id, pounds("2.10")).await.unwrap();
    let expected = Product {
        price: pounds("2.10"),
        version: 2,
        updated_at: t.clock.now(),
        ..before.clone()
    };
    assert_eq!(after, expected);
    t.clock.advance(SECOND);
    // The same amount in another currency is a different price.
    let euros = t.api.reprice(&mut t.cx(), before.id, euros("2.10")).await.unwrap();
    assert_eq!((euros.version, euros.price.currency().as_str()), (3, "EUR"));
    assert_eq!(t.api.product(&mut t.cx(), before.id).await.as_ref(), Ok(&euros));
    let expected = [
        (euros.price, euros.updated_at),
        (after.price, after.updated_at),
        (before.price, before.created_at),
    ];
    assert_eq!(
        history(&t, before.id).await,
        expected.map(|(price, since)| PricePoint { price, since })
    );
}

pub(crate) async fn an_unchanged_price_writes_nothing(t: T) {
    let product = add_product(&t, a_product("A")).await;
    let before = history(&t, product.id).await;
    t.clock.advance(SECOND);
    assert_eq!(
        t.api.reprice(&mut t.cx(), product.id, product.price).await,
        Ok(product.clone())
    );
    assert_eq!(history(&t, product.id).await, before);
}

pub(crate) async fn the_last_price_at_the_same_time_wins(t: T) {
    let product = add_product(&t, a_product("A").priced("1.00")).await;
    t.api.reprice(&mut t.cx(), product.id, pounds("2.00")).await.unwrap();
    let product = t.api.reprice(&mut t.cx(), product.id, pounds("3.00")).await.unwrap();
    assert_eq!((product.price, product.version), (pounds("3.00"), 3));
    let since = t.clock.now();
    assert_eq!(
        history(&t, product.id).await,
        [PricePoint {
            price: pounds("3.00"),
            since
        }]
    );
}

pub(crate) async fn rejects_invalid_prices(t: T) {
    let product = add_product(&t, a_product("A")).await;
    for price in [pounds("0.00"), pounds("-0.0001"), Money::new(i64::MIN + 1, Money::GBP)] {
        match t.api.reprice(&mut t.cx(), product.id, price).await {
            Err(CatalogError::InvalidProduct { field, .. }) => assert_eq!(field, "price"),
            other => panic!("{price}: {other:?}"),
        }
    }
    assert_eq!(t.api.product(&mut t.cx(), product.id).await, Ok(product));
    let id = unknown_id();
    let unknown = CatalogError::UnknownProduct { id };
    assert_eq!(
        t.api.reprice(&mut t.cx(), id, pounds("1.00")).await,
        Err(unknown.clone())
    );
    assert_eq!(t.api.price_history(&mut t.cx(), id, None, None).await, Err(unknown));
}

/// A second server with a slow clock uses the same database.
pub(crate) async fn a_slow_clock_does_not_restore_an_old_price(t: T) {
    let product = add_product(&t, a_product("A").priced("1.00")).await;
    let slow = Catalog::new(t.db.clone(), Arc::new(ManualClock::new(at("08:26"))));
    let product = slow.reprice(&mut t.cx(), product.id, pounds("2.00")).await.unwrap();
    assert_eq!(product.price, pounds("2.00"));
    let since = product.created_at;
    assert_eq!(
        history(&t, product.id).await,
        [PricePoint {
            price: pounds("2.00"),
            since
        }]
    );
}

pub(crate) async fn concurrent_price_changes_are_all_applied(t: T) {
    const CHANGES: u32 = 10;
    let id = add_product(&t, a_product("A").priced("100.00")).await.id;
    let repricing = (1..=CHANGES).map(|price| {
        let (api, mut cx) = (t.once.clone(), t.cx());
        let price = pounds(&format!("{price}.00"));
        tokio::spawn(async move { api.reprice(&mut cx, id, price).await })
    });
    for task in repricing.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let product = t.api.product(&mut t.cx(), id).await.unwrap();
    assert_eq!(product.version, CHANGES + 1);
    assert_eq!(history(&t, id).await[0].price, product.price);
}

pub(crate) async fn the_history_is_paged(t: T) {
    let id = add_product(&t, a_product("A").priced("1.00")).await.id;
    for price in 2..=5 {
        t.clock.advance(SECOND);
        t.api
            .reprice(&mut t.cx(), id, pounds(&format!("{price}.00")))
            .await
            .unwrap();
    }
    let mut prices = Vec::new();
    let mut token = None;
    for has_next in [true, true, false] {
        let page = t.api.price_history(&mut t.cx(), id, Some(2), token).await.unwrap();
        prices.extend(page.items.iter().map(|point| point.price.amount()));
        token = page.next_page_token;
        assert_eq!(token.is_some(), has_next);
        // A newer price belongs before the remaining pages and must not appear there.
        t.clock.advance(SECOND);
        let newer = pounds(&format!("9.0{}", prices.len()));
        t.api.reprice(&mut t.cx(), id, newer).await.unwrap();
    }
    assert_eq!(prices, ["5.00", "4.00", "3.00", "2.00", "1.00"]);
}

pub(crate) async fn a_history_token_is_valid_for_its_own_product_only(t: T) {
    let [a, b] = [
        add_product(&t, a_product("A")).await.id,
        add_product(&t, a_product("B")).await.id,
    ];
    t.clock.advance(SECOND);
    for id in [a, b] {
        t.api.reprice(&mut t.cx(), id, pounds("9.00")).await.unwrap();
    }
    let token = t
        .api
        .price_history(&mut t.cx(), a, Some(1), None)
        .await
        .unwrap()
        .next_page_token
        .unwrap();
    for (id, token) in [
        (b, token.clone()),
        (a, token[1..].to_owned()),
        (a, String::new()),
        (a, "é".to_owned()),
    ] {
        let refused = t.api.price_history(&mut t.cx(), id, Some(1), Some(token)).await;
        assert_eq!(refused, Err(CatalogError::BadPageToken));
    }
    let last = t.api.price_history(&mut t.cx(), a, Some(1), Some(token)).await.unwrap();
    assert_eq!((last.items.len(), last.next_page_token), (1, None));
}
