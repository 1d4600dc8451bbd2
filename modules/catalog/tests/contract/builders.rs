//! Products to begin with, and short ways to put them into the catalog.

use catalog_api::v1::{NewProduct, Product, ProductId};
use offshoot_contract::{Currency, Money, Page, Timestamp};

use crate::T;

/// A product that is acceptable as it is.
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

/// What differs from the acceptable product.
pub(crate) trait But: Sized {
    fn named(self, name: &str) -> Self;
    fn described(self, description: &str) -> Self;
    fn within(self, category: &str) -> Self;
    fn priced(self, amount: &str) -> Self;
    fn priced_since(self, since: Timestamp) -> Self;
}

impl But for NewProduct {
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

/// A time on the first of December 2010.
pub(crate) fn at(time: &str) -> Timestamp {
    format!("2010-12-01T{time}:00Z").parse().unwrap()
}

/// Adds one product and answers it.
pub(crate) async fn added(t: &T, product: NewProduct) -> Product {
    t.api.add(&mut t.cx(), product).await.unwrap()
}

/// An id that no product has.
pub(crate) fn nobody() -> ProductId {
    ProductId::new(at("08:26"))
}

/// The SKUs of a page, for comparison with a list.
pub(crate) fn skus(page: &Page<Product>) -> Vec<&str> {
    page.items.iter().map(|product| product.sku.as_str()).collect()
}

/// The SKUs of all pages of `size`.
pub(crate) async fn all_skus(t: &T, search: Option<&str>, size: u32) -> Vec<String> {
    // More pages than any body fills: a list that does not end fails instead of going on.
    const MOST_PAGES: usize = 100;
    let mut seen = Vec::new();
    let mut token = None;
    for _ in 0..MOST_PAGES {
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
