//! Tests of `add`.

use catalog_api::v1::{
    CatalogError, MAX_CATEGORY_CHARS, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_SKU_BYTES, NewProduct, PricePoint,
    ProductStatus,
};
use offshoot_contract::{Clock, Timestamp};

use crate::T;
use crate::builders::{NewProductExt, a_product, add_product, at, pounds};

pub(crate) async fn returns_the_product_that_a_read_then_finds(t: T) {
    let new = a_product("85123A")
        .named("WHITE HANGING HEART")
        .described("A heart.")
        .within("home-decor")
        .priced("0.001");
    let product = add_product(&t, new).await;
    assert_eq!(product.sku, "85123A");
    assert_eq!(product.name, "WHITE HANGING HEART");
    assert_eq!(product.description, "A heart.");
    assert_eq!(product.category, "home-decor");
    assert_eq!(product.price, pounds("0.001"));
    assert_eq!((product.status, product.version), (ProductStatus::Active, 1));
    assert_eq!((product.created_at, product.updated_at), (t.clock.now(), t.clock.now()));
    assert_eq!(t.api.product(&mut t.cx(), product.id).await, Ok(product));
}

pub(crate) async fn stores_texts_at_their_limits_unchanged(t: T) {
    let new = a_product(&"£".repeat(MAX_SKU_BYTES / 2))
        .named(&"🎁".repeat(MAX_NAME_CHARS))
        .described(&"\u{202e}é'\"\\%_\n\u{1}".repeat(MAX_DESCRIPTION_CHARS / 9))
        .within(&"a-1".repeat(MAX_CATEGORY_CHARS / 3))
        .priced("922337203685477.5807");
    let product = add_product(&t, new.clone()).await;
    let found = t.api.product(&mut t.cx(), product.id).await.unwrap();
    assert_eq!(
        (found.sku, found.name, found.description),
        (new.sku, new.name, new.description)
    );
    assert_eq!((found.category, found.price), (new.category, new.price));
}

pub(crate) async fn rejects_invalid_fields(t: T) {
    let tomorrow = t.clock.now().plus(std::time::Duration::from_secs(86_400));
    let good = || a_product("A");
    let bad: [(&str, NewProduct); 14] = [
        ("sku", a_product("")),
        ("sku", a_product(" A")),
        ("sku", a_product("A\u{a0}")),
        ("sku", a_product("A\0B")),
        ("sku", a_product(&"é".repeat(MAX_SKU_BYTES / 2 + 1))),
        ("name", good().named("")),
        ("name", good().named("\0")),
        ("name", good().named(&"é".repeat(MAX_NAME_CHARS + 1))),
        ("description", good().described(&"é".repeat(MAX_DESCRIPTION_CHARS + 1))),
        ("category", good().within("")),
        ("category", good().within("Home Decor")),
        ("category", good().within(&"a".repeat(MAX_CATEGORY_CHARS + 1))),
        ("price", good().priced("0.00")),
        ("price_since", good().priced_since(tomorrow)),
    ];
    for (expected, new) in bad {
        match t.api.add(&mut t.cx(), new.clone()).await {
            Err(CatalogError::InvalidProduct { field, .. }) => assert_eq!(field, expected, "{new:?}"),
            other => panic!("{new:?}: {other:?}"),
        }
    }
    assert_eq!(
        t.api.browse(&mut t.cx(), None, None, None, None).await.unwrap().items,
        []
    );
}

pub(crate) async fn rejects_a_duplicate_sku_and_names_the_existing_product(t: T) {
    let holder = add_product(&t, a_product("71053")).await;
    let refused = t.api.add(&mut t.cx(), a_product("71053").named("ANOTHER")).await;
    let expected = CatalogError::DuplicateSku {
        sku: "71053".to_owned(),
        id: holder.id,
    };
    assert_eq!(refused, Err(expected));
    assert_eq!(t.api.product(&mut t.cx(), holder.id).await, Ok(holder));
}

pub(crate) async fn treats_skus_as_case_sensitive(t: T) {
    let upper = add_product(&t, a_product("15056BL")).await;
    let lower = add_product(&t, a_product("15056bl")).await;
    assert_ne!(upper.id, lower.id);
}

pub(crate) async fn one_of_several_concurrent_adds_wins(t: T) {
    let adding = (0..8).map(|number| {
        let (api, mut cx) = (t.once.clone(), t.cx());
        let product = a_product("ONE").named(&format!("NUMBER {number}"));
        tokio::spawn(async move { api.add(&mut cx, product).await })
    });
    let mut winners = Vec::new();
    let mut holders = Vec::new();
    for task in adding.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(product) => winners.push(product.id),
            Err(CatalogError::DuplicateSku { id, .. }) => holders.push(id),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(holders, [winners[0]; 7]);
}

pub(crate) async fn a_price_may_start_in_the_past(t: T) {
    let since: Timestamp = at("08:26");
    let product = add_product(&t, a_product("A").priced_since(since)).await;
    assert_eq!(product.created_at, t.clock.now());
    let history = t.api.price_history(&mut t.cx(), product.id, None, None).await.unwrap();
    let price = product.price;
    assert_eq!(history.items, [PricePoint { price, since }]);
}
