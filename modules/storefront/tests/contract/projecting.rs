//! The projections apply product and stock events.

use catalog_api::v1::Product;
use inventory_api::v1::Stock;
use offshoot_outbox::Rejection;
use storefront_api::v1::{Listing, StorefrontError};

use crate::T;
use crate::event_fixtures::{apply_products, apply_stock, clear_projections, discontinued, pounds, product, stock};

async fn listing(t: &T, product: &Product) -> Listing {
    t.api.listing(&mut t.cx(), product.id).await.unwrap()
}

pub(crate) async fn product_and_stock_events_may_come_in_either_order(t: T) {
    let (early, late) = (product("early"), product("late"));
    // The stock event comes before the product event.
    apply_stock(&t, &[(1, stock(&late, 4))]).await.unwrap();
    let unknown = StorefrontError::UnknownProduct { id: late.id };
    assert_eq!(t.api.listing(&mut t.cx(), late.id).await, Err(unknown));
    apply_products(&t, &[(1, &early)]).await;
    assert_eq!(listing(&t, &early).await.available, 0);

    apply_products(&t, &[(2, &late)]).await;
    apply_stock(&t, &[(2, stock(&early, 4))]).await.unwrap();
    for product in [&early, &late] {
        assert_eq!(listing(&t, product).await.available, 4);
    }
}

pub(crate) async fn the_last_event_of_a_batch_wins(t: T) {
    let (a, b) = (product("a"), product("b"));
    let dearer = Product {
        price: pounds("2.55"),
        name: "RENAMED".to_owned(),
        ..a.clone()
    };
    apply_products(&t, &[(1, &a), (2, &b), (3, &discontinued(&a)), (4, &dearer)]).await;
    let levels = [(1, stock(&a, 9)), (2, stock(&b, 1)), (3, stock(&a, 8))];
    apply_stock(&t, &levels).await.unwrap();
    let (first, second) = (listing(&t, &a).await, listing(&t, &b).await);
    assert_eq!(
        (first.name.as_str(), first.price, first.available),
        ("RENAMED", pounds("2.55"), 8)
    );
    assert_eq!((second.price, second.available), (pounds("1.00"), 1));
    // The next batch replaces the row.
    apply_products(&t, &[(5, &a)]).await;
    assert_eq!(listing(&t, &a).await.price, pounds("1.00"));
}

pub(crate) async fn an_older_event_changes_nothing(t: T) {
    let a = product("a");
    apply_products(&t, &[(7, &discontinued(&a))]).await;
    apply_stock(&t, &[(7, stock(&a, 3))]).await.unwrap();
    let before = listing(&t, &a).await;
    for position in [6, 7] {
        apply_products(&t, &[(position, &a)]).await;
        apply_stock(&t, &[(position, stock(&a, 5))]).await.unwrap();
        assert_eq!(listing(&t, &a).await, before, "{position}");
    }
}

pub(crate) async fn a_rebuilt_projection_is_the_same(t: T) {
    let products: Vec<Product> = (0..20).map(|n| product(&format!("{n:02}"))).collect();
    let events: Vec<_> = (1..).zip(&products).collect();
    let levels: Vec<_> = (1_i64..)
        .zip(&products)
        .map(|(n, product)| (n, stock(product, n.unsigned_abs())))
        .collect();
    // In batches of one, of some, and of all events.
    let mut rebuilt = Vec::new();
    for batch in [1, 7, 20] {
        clear_projections(&t).await;
        let empty = t.api.browse(&mut t.cx(), None, None, None, None).await.unwrap();
        assert_eq!(empty.items, []);
        for (events, levels) in events.chunks(batch).zip(levels.chunks(batch)) {
            apply_products(&t, events).await;
            apply_stock(&t, levels).await.unwrap();
        }
        let page = t.api.browse(&mut t.cx(), None, None, None, None).await.unwrap();
        assert_eq!(page.items.len(), 20);
        rebuilt.push(page.items);
    }
    assert!(rebuilt.iter().all(|items| *items == rebuilt[0]));
}

pub(crate) async fn stock_too_large_to_store_rejects_the_event(t: T) {
    let a = product("a");
    let too_large = Stock {
        available: u64::MAX,
        ..stock(&a, 0)
    };
    let refused = apply_stock(&t, &[(1, too_large)]).await.unwrap_err();
    assert!(matches!(refused, Rejection::Event(_)), "{refused}");
}
