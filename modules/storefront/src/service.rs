//! Use cases of the storefront. No SQL, and no call to another module.

use async_trait::async_trait;
use catalog_api::v1::ProductId;
use offshoot_contract::text::check_storable;
use offshoot_contract::{CallContext, Page, PageSize, Timestamp, page_token};
use offshoot_outbox::{Age, read_age};
use storefront_api::v1::{Freshness, Listing, StorefrontApi, StorefrontError};

use crate::projections::{PRODUCTS_SUBSCRIPTION, STOCK_SUBSCRIPTION};
use crate::store::BrowseQuery;
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
        let list = token_scope(category.as_deref(), in_stock);
        let query = BrowseQuery {
            category: category.as_deref(),
            in_stock,
            after: page_start(&list, page_token.as_deref())?,
        };
        if category.as_deref().is_some_and(|name| check_storable(name).is_err()) {
            return Ok(Page::empty());
        }
        let size = PageSize::resolve(page_size);
        let mut read = self.db.read(cx).await?;
        let listings = store::browse(&mut read, &query, size + 1).await?;
        Ok(page_token::paginate(listings, size, |last| {
            page_token::encode(&list, &format!("{} {}", last.product_id, last.sku))
        }))
    }

    async fn listing(&self, cx: &mut CallContext, product_id: ProductId) -> Result<Listing, StorefrontError> {
        let mut read = self.db.read(cx).await?;
        let listing = store::find_listing(&mut read, product_id).await?;
        listing.ok_or(StorefrontError::UnknownProduct { id: product_id })
    }

    async fn freshness(&self, cx: &mut CallContext) -> Result<Freshness, StorefrontError> {
        let mut read = self.db.read(cx).await?;
        let (products, stock) = (
            read_age(&mut read, PRODUCTS_SUBSCRIPTION).await?,
            read_age(&mut read, STOCK_SUBSCRIPTION).await?,
        );
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

/// The list that a page token is bound to. `*` is not a valid category, so no category is confused with its absence.
fn token_scope(category: Option<&str>, in_stock: Option<bool>) -> [&str; 3] {
    let stock = match in_stock {
        None => "all",
        Some(true) => "in stock",
        Some(false) => "out of stock",
    };
    ["listings", category.unwrap_or("*"), stock]
}

/// The SKU and id after which the requested page begins.
fn page_start(list: &[&str], token: Option<&str>) -> Result<(String, ProductId), StorefrontError> {
    let last = |key: &str| {
        let (id, sku) = key.split_once(' ')?;
        Some((sku.to_owned(), id.parse().ok()?))
    };
    let before_every_product = || (String::new(), ProductId::from_uuid(uuid::Uuid::nil()));
    page_token::position_after(list, token, last)
        .map(|position| position.unwrap_or_else(before_every_product))
        .map_err(|_| StorefrontError::BadPageToken)
}
