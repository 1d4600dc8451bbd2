//! Builders of valid products, and shortcuts for calls to the catalog.

use catalog_api::v1::{NewProduct, Product, ProductId};
use offshoot_contract::{Currency, Money, Page, Timestamp};

use crate::T;

/// A valid product.
pub(crate) fn a_product(sku: &str) -> NewProduct {
    NewProduct {
        sku: sku.to_owned(),
        name: format!("PRODUCT {sku}"),
        description: String::new(),
        category: "other".to_owned(),
        price: pounds("2.55"),
        price_since: None,
    }
}

/// Changes single fields of a product, as in `a_product("A").named("LANTERN")`.
pub(crate) trait NewProductExt: Sized {
    fn named(self, name: &str) -> Self;
    fn described(self, description: &str) -> Self;
    fn within(self, category: &str) -> Self;
    fn priced(self, amount: &str) -> Self;
    fn priced_since(self, since: Timestamp) -> Self;
}

impl NewProductExt for NewProduct {
    fn named(self, name: &str) -> Self {
        let name = name.to_owned();
        Self { name, ..self }
    }
    fn described(self, description: &str) -> Self {
        let description = description.to_owned();
        Self { description, ..self }
    }
    fn within(self, category: &str) -> Self {
        let category = category.to_owned();
        Self { category, ..self }
    }
    fn priced(self, amount: &str) -> Self {
        let price = pounds(amount);
        Self { price, ..self }
    }
    fn priced_since(self, since: Timestamp) -> Self {
        let price_since = Some(since);
        Self { price_since, ..self }
    }
}

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

pub(crate) fn euros(amount: &str) -> Money {
    let eur: Currency = "EUR".parse().unwrap();
    Money::parse(amount, eur).unwrap()
}

/// The given time of day on 2010-12-01.
pub(crate) fn at(time: &str) -> Timestamp {
    format!("2010-12-01T{time}:00Z").parse().unwrap()
}

/// Adds one product and returns the result.
pub(crate) async fn add_product(t: &T, product: NewProduct) -> Product {
    t.api.add(&mut t.cx(), product).await.unwrap()
}

/// An id without a product.
pub(crate) fn unknown_id() -> ProductId {
    ProductId::new(at("08:26"))
}

/// The SKUs of a page, in order.
pub(crate) fn skus(page: &Page<Product>) -> Vec<&str> {
    page.items.iter().map(|product| product.sku.as_str()).collect()
}

/// Reads all pages of `size` and returns the SKUs in order.
pub(crate) async fn all_skus(t: &T, search: Option<&str>, size: u32) -> Vec<String> {
    // More pages than any test fills, so that an endless list fails the test.
    const MAX_PAGES: usize = 100;
    let mut seen = Vec::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let words = search.map(str::to_owned);
        let page = t.api.browse(&mut t.cx(), words, None, Some(size), token).await.unwrap();
        assert!(!page.items.is_empty(), "a token led to an empty page");
        seen.extend(page.items.into_iter().map(|product| product.sku));
        token = page.next_page_token;
        if token.is_none() {
            return seen;
        }
    }
    panic!("the list does not end: {seen:?}");
}
