//! Tests of `browse`, `product` and `products_by_id`.

use std::collections::BTreeSet;

use catalog_api::v1::{CatalogError, MAX_BULK_ITEMS, ProductId};

use crate::T;
use crate::builders::{NewProductExt, a_product, add_product, all_skus, at, skus, unknown_id};

pub(crate) async fn lists_products_in_bytewise_sku_order(t: T) {
    for sku in ["b", "é", "10", "a", "B", "2", "gift 1", "🎁"] {
        add_product(&t, a_product(sku)).await;
    }
    let page = t.api.browse(&mut t.cx(), None, None, None, None).await.unwrap();
    assert_eq!(skus(&page), ["10", "2", "B", "a", "b", "gift 1", "é", "🎁"]);
    assert_eq!(page.next_page_token, None);
}

pub(crate) async fn pages_neither_repeat_nor_skip_products(t: T) {
    let all: Vec<String> = (0..23).map(|n| format!("{n:02}")).collect();
    t.api
        .add_many(&mut t.cx(), all.iter().map(|sku| a_product(sku)).collect())
        .await
        .unwrap();
    for size in [1, 5, 22, 23, 24] {
        assert_eq!(all_skus(&t, None, size).await, all, "pages of {size}");
    }
}

pub(crate) async fn pages_stay_consistent_while_the_catalog_changes(t: T) {
    for sku in ["B", "D", "F", "H"] {
        add_product(&t, a_product(sku)).await;
    }
    let first = t.api.browse(&mut t.cx(), None, None, Some(2), None).await.unwrap();
    assert_eq!(skus(&first), ["B", "D"]);
    // Adds products before and after the position of the token, and discontinues the product at that position.
    for sku in ["A", "C", "E"] {
        add_product(&t, a_product(sku)).await;
    }
    t.api.discontinue(&mut t.cx(), first.items[1].id).await.unwrap();
    let second = t
        .api
        .browse(&mut t.cx(), None, None, Some(2), first.next_page_token)
        .await
        .unwrap();
    assert_eq!(skus(&second), ["E", "F"]);
    let third = t
        .api
        .browse(&mut t.cx(), None, None, Some(2), second.next_page_token)
        .await
        .unwrap();
    assert_eq!(skus(&third), ["H"]);
    assert_eq!(third.next_page_token, None);
}

pub(crate) async fn a_category_lists_only_its_own_products(t: T) {
    for (sku, category) in [("D", "garden"), ("A", "garden"), ("B", "kitchen"), ("C", "garden")] {
        add_product(&t, a_product(sku).within(category)).await;
    }
    let garden = Some("garden".to_owned());
    let first = t
        .api
        .browse(&mut t.cx(), None, garden.clone(), Some(2), None)
        .await
        .unwrap();
    assert_eq!(skus(&first), ["A", "C"]);
    let second = t
        .api
        .browse(&mut t.cx(), None, garden, Some(2), first.next_page_token)
        .await
        .unwrap();
    assert_eq!((skus(&second), &second.next_page_token), (vec!["D"], &None));
    for nothing in ["attic", "Garden", "", "*", "\0"] {
        let page = t
            .api
            .browse(&mut t.cx(), None, Some(nothing.to_owned()), None, None)
            .await
            .unwrap();
        assert_eq!(skus(&page), Vec::<&str>::new(), "{nothing:?}");
    }
}

pub(crate) async fn a_page_has_at_most_a_hundred_products(t: T) {
    let products = (0..120).map(|n| a_product(&format!("{n:03}"))).collect();
    t.api.add_many(&mut t.cx(), products).await.unwrap();
    for (asked, answered) in [
        (None, 20),
        (Some(0), 1),
        (Some(100), 100),
        (Some(101), 100),
        (Some(u32::MAX), 100),
    ] {
        let page = t.api.browse(&mut t.cx(), None, None, asked, None).await.unwrap();
        assert_eq!(page.items.len(), answered, "{asked:?}");
        assert!(page.next_page_token.is_some());
    }
}

pub(crate) async fn a_token_is_valid_for_its_own_list_only(t: T) {
    for sku in ["A", "B", "C"] {
        add_product(&t, a_product(sku).named("RED LANTERN").within("garden")).await;
    }
    let text = |text: &str| Some(text.to_owned());
    let lists = [
        (None, None),
        (text("red"), None),
        (text("lantern"), None),
        (None, text("garden")),
        (text("red"), text("garden")),
    ];
    let mut tokens = Vec::new();
    for (search, category) in lists.clone() {
        let page = t
            .api
            .browse(&mut t.cx(), search, category, Some(1), None)
            .await
            .unwrap();
        tokens.push(page.next_page_token.unwrap());
    }
    for (list, (search, category)) in lists.into_iter().enumerate() {
        for (origin, token) in tokens.iter().enumerate() {
            let asked = (search.clone(), category.clone());
            let page = t
                .api
                .browse(&mut t.cx(), asked.0, asked.1, Some(9), Some(token.clone()))
                .await;
            if list == origin {
                assert_eq!(skus(&page.unwrap()), ["B", "C"]);
            } else {
                assert_eq!(page, Err(CatalogError::BadPageToken), "{search:?} {category:?}");
            }
        }
    }
}

pub(crate) async fn a_damaged_token_is_rejected(t: T) {
    for sku in ["A", "B"] {
        add_product(&t, a_product(sku)).await;
    }
    let page = t.api.browse(&mut t.cx(), None, None, Some(1), None).await.unwrap();
    let token = page.next_page_token.unwrap();
    let mut last_digit_changed = token.clone();
    last_digit_changed.replace_range(token.len() - 1.., "f");
    for damaged in [
        "",
        "0",
        "A",
        "%",
        "ü",
        &token[2..],
        &last_digit_changed,
        &format!("{token}00"),
        &"0".repeat(5_000),
    ] {
        let refused = t
            .api
            .browse(&mut t.cx(), None, None, None, Some(damaged.to_owned()))
            .await;
        assert_eq!(refused, Err(CatalogError::BadPageToken), "{damaged}");
    }
}

pub(crate) async fn looks_up_products_in_the_requested_order(t: T) {
    let a = add_product(&t, a_product("A")).await;
    let b = add_product(&t, a_product("B")).await;
    let ids = vec![b.id, unknown_id(), a.id, b.id];
    assert_eq!(t.api.products_by_id(&mut t.cx(), ids).await, Ok(vec![b.clone(), a, b]));
    assert_eq!(t.api.products_by_id(&mut t.cx(), Vec::new()).await, Ok(Vec::new()));
}

pub(crate) async fn looks_up_at_most_a_thousand_products(t: T) {
    let product = add_product(&t, a_product("A")).await;
    let mut ids: Vec<ProductId> = (1..MAX_BULK_ITEMS).map(|_| ProductId::new(at("08:26"))).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), MAX_BULK_ITEMS - 1);
    ids.push(product.id);
    assert_eq!(t.api.products_by_id(&mut t.cx(), ids.clone()).await, Ok(vec![product]));
    ids.push(unknown_id());
    let refused = t.api.products_by_id(&mut t.cx(), ids).await;
    assert_eq!(
        refused,
        Err(CatalogError::TooManyItems {
            given: 1_001,
            limit: 1_000
        })
    );
}

pub(crate) async fn an_unknown_id_fails(t: T) {
    let id = unknown_id();
    assert_eq!(
        t.api.product(&mut t.cx(), id).await,
        Err(CatalogError::UnknownProduct { id })
    );
}
