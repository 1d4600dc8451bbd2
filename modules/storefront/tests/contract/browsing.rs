//! Listings: order, filters, pages, and all fields of a product.

use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::Timestamp;
use storefront_api::v1::{Listing, StorefrontError};

use crate::T;
use crate::event_fixtures::{apply_products, apply_stock, discontinued, pounds, product, stock};

/// Applies products with these SKUs and available units.
async fn with_products(t: &T, products_in_stock: &[(&str, u64)]) -> Vec<Product> {
    let products: Vec<Product> = products_in_stock.iter().map(|(sku, _)| product(sku)).collect();
    let events: Vec<_> = (1..).zip(&products).collect();
    apply_products(t, &events).await;
    let levels = (1..).zip(products.iter().zip(products_in_stock));
    let levels: Vec<_> = levels
        .map(|(position, (product, (_, available)))| (position, stock(product, *available)))
        .collect();
    apply_stock(t, &levels).await.unwrap();
    products
}

pub(crate) fn skus(listings: &[Listing]) -> String {
    let skus: Vec<_> = listings.iter().map(|listing| listing.sku.as_str()).collect();
    skus.join(" ")
}

async fn browse(t: &T, category: Option<&str>, in_stock: Option<bool>) -> Vec<Listing> {
    let category = category.map(str::to_owned);
    t.api
        .browse(&mut t.cx(), category, in_stock, None, None)
        .await
        .unwrap()
        .items
}

pub(crate) async fn lists_active_products_in_the_order_of_sku(t: T) {
    assert_eq!(browse(&t, None, None).await, []);
    let products = with_products(&t, &[("b", 5), ("B", 1), ("10", 0), ("2", 3), ("é", 7)]).await;
    apply_products(&t, &[(9, &discontinued(&products[3]))]).await;
    let listed = browse(&t, None, None).await;
    assert_eq!(skus(&listed), "10 B b é");
    let available: Vec<_> = listed.iter().map(|listing| listing.available).collect();
    assert_eq!(available, [0, 1, 5, 7]);
}

pub(crate) async fn pages_continue_where_the_previous_page_ended(t: T) {
    let names: Vec<String> = (0..7).map(|n| format!("sku {n}")).collect();
    let products_in_stock: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    with_products(&t, &products_in_stock).await;
    let (mut listed, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = t
            .api
            .browse(&mut t.cx(), None, Some(true), Some(3), token)
            .await
            .unwrap();
        listed.extend(page.items);
        token = page.next_page_token;
        pages += 1;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((skus(&listed), pages), (names.join(" "), 3));
}

pub(crate) async fn filters_by_category_and_availability(t: T) {
    let products = with_products(&t, &[("a", 5), ("b", 0), ("c", 2), ("d", 0)]).await;
    let lamps: Vec<Product> = products[1..3]
        .iter()
        .map(|product| Product {
            category: "lighting".to_owned(),
            ..product.clone()
        })
        .collect();
    apply_products(&t, &[(9, &lamps[0]), (10, &lamps[1])]).await;
    for (category, in_stock, expected) in [
        (None, None, "a b c d"),
        (None, Some(true), "a c"),
        (None, Some(false), "b d"),
        (Some("lighting"), None, "b c"),
        (Some("lighting"), Some(true), "c"),
        (Some("other"), Some(false), "d"),
        (Some("Lighting"), None, ""),
        (Some("*"), None, ""),
        (Some("a\0b"), None, ""),
    ] {
        let listed = browse(&t, category, in_stock).await;
        assert_eq!(skus(&listed), expected, "{category:?} {in_stock:?}");
    }
}

/// SKUs are unique in the catalog, but the projection may have products from before and after a restored backup.
pub(crate) async fn products_with_the_same_sku_are_all_listed(t: T) {
    let products = with_products(&t, &[("a", 1), ("a", 2), ("a", 3)]).await;
    let (mut seen, mut token) = (Vec::new(), None);
    for _ in 0..3 {
        let page = t.api.browse(&mut t.cx(), None, None, Some(1), token).await.unwrap();
        seen.extend(page.items.into_iter().map(|listing| listing.product_id));
        token = page.next_page_token;
    }
    let mut expected: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    expected.sort_unstable();
    assert_eq!((seen, token), (expected, None));
}

pub(crate) async fn tokens_of_other_lists_are_refused(t: T) {
    with_products(&t, &[("a", 1), ("b", 1), ("c", 1)]).await;
    let page = t
        .api
        .browse(&mut t.cx(), None, Some(true), Some(1), None)
        .await
        .unwrap();
    let token = page.next_page_token;
    assert!(token.is_some());
    for (category, in_stock, token) in [
        (None, None, token.clone()),
        (None, Some(false), token.clone()),
        (Some("other".to_owned()), Some(true), token),
        (None, Some(true), Some("junk".to_owned())),
    ] {
        let error = t.api.browse(&mut t.cx(), category, in_stock, None, token).await;
        assert_eq!(error.unwrap_err(), StorefrontError::BadPageToken);
    }
}

pub(crate) async fn a_listing_has_every_field_of_the_product(t: T) {
    let product = with_products(&t, &[("a", 5)]).await.remove(0);
    let listing = t.api.listing(&mut t.cx(), product.id).await.unwrap();
    let expected = Listing {
        product_id: product.id,
        sku: "a".to_owned(),
        name: "PRODUCT a".to_owned(),
        description: "all about a".to_owned(),
        category: "other".to_owned(),
        price: pounds("1.00"),
        status: ProductStatus::Active,
        available: 5,
    };
    assert_eq!(listing, expected);
    apply_products(&t, &[(2, &discontinued(&product))]).await;
    let listing = t.api.listing(&mut t.cx(), product.id).await.unwrap();
    assert_eq!(listing.status, ProductStatus::Discontinued);
    let id = ProductId::new(Timestamp::from_micros(0).unwrap());
    let unknown = t.api.listing(&mut t.cx(), id).await.unwrap_err();
    assert_eq!(unknown, StorefrontError::UnknownProduct { id });
}
