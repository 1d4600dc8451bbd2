//! The use cases of the storefront. No SQL, and no call.

use async_trait::async_trait;
use catalog_api::v1::ProductId;
use offshoot_contract::{CallContext, Page, PageSize, Timestamp, page_token};
use offshoot_outbox::{Age, age};
use storefront_api::v1::{Freshness, Listing, StorefrontApi, StorefrontError};

use crate::copies::{PRODUCTS, STOCK};
use crate::store::Asked;
use crate::{Storefront, store};

#[async_trait]
impl StorefrontApi for Storefront {
    async fn browse(
        &self,
        cx: &mut CallContext,
        category: Option<String>,
        in_stock: Option<bool>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Listing>, StorefrontError> {
        let list = name_of(category.as_deref(), in_stock);
        let asked = Asked {
            category: category.as_deref(),
            in_stock,
            after: after(&list, page_token.as_deref())?,
        };
        // No category has a NUL, and Postgres takes none in a text.
        if category.as_deref().is_some_and(|category| category.contains('\0')) {
            return Ok(Page {
                items: Vec::new(),
                next_page_token: None,
            });
        }
        let size = PageSize::of(page_size);
        let mut read = self.db.read(cx).await?;
        let listings = store::page(&mut read, &asked, size + 1).await?;
        Ok(page_token::page(listings, size, |last| {
            page_token::issue(&list, &format!("{} {}", last.product_id, last.sku))
        }))
    }

    async fn listing(&self, cx: &mut CallContext, product_id: ProductId) -> Result<Listing, StorefrontError> {
        let mut read = self.db.read(cx).await?;
        let listing = store::listing(&mut read, product_id).await?;
        listing.ok_or(StorefrontError::UnknownProduct { id: product_id })
    }

    async fn freshness(&self, cx: &mut CallContext) -> Result<Freshness, StorefrontError> {
        let mut read = self.db.read(cx).await?;
        let (products, stock) = (age(&mut read, PRODUCTS).await?, age(&mut read, STOCK).await?);
        Ok(Freshness {
            products_current_at: current_at(products),
            stock_current_at: current_at(stock),
        })
    }
}

fn current_at(age: Age) -> Option<Timestamp> {
    match age {
        Age::Filling => None,
        Age::CurrentAt(at) => Some(at),
    }
}

/// What a token is bound to. An absent category has no text that a present one could have.
fn name_of(category: Option<&str>, in_stock: Option<bool>) -> [&str; 3] {
    let stock = match in_stock {
        None => "all",
        Some(true) => "in stock",
        Some(false) => "out of stock",
    };
    ["listings", category.unwrap_or("*"), stock]
}

/// After which SKU and id the asked page begins.
fn after(list: &[&str], token: Option<&str>) -> Result<(String, ProductId), StorefrontError> {
    let Some(token) = token else {
        // Before every product.
        return Ok((String::new(), ProductId::from_uuid(uuid::Uuid::nil())));
    };
    let place = page_token::open(list, token).and_then(|key| {
        let (id, sku) = key.split_once(' ')?;
        Some((sku.to_owned(), id.parse().ok()?))
    });
    place.ok_or(StorefrontError::BadPageToken)
}
