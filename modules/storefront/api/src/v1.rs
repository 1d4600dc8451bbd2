//! Version 1 of the storefront's contract.
//!
//! The storefront lists products with their available units from projections of the catalog and the inventory. It calls no
//! other module, so it answers while the catalog or the inventory is unavailable. Listings may be a few seconds old;
//! [`freshness`] tells how old. A listing reserves no stock and guarantees no price.
//!
//! [`freshness`]: StorefrontApi::freshness

use async_trait::async_trait;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{
    CallContext, CallFailure, ContractError, Money, Page, PageSize, Timestamp, contract, page_token,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use catalog_api::ProductId;

/// Products for sale, and their availability.
#[contract(name = "storefront", version = "1.0")]
#[async_trait]
pub trait StorefrontApi: Send + Sync + 'static {
    /// Active products in the order of their SKU, page by page, optionally of one `category`. `in_stock` selects available
    /// or unavailable products. Fails with `BadPageToken` for a page token issued for another `category` or `in_stock`.
    #[get("/listings", stale_ok)]
    async fn browse(
        &self,
        cx: &mut CallContext,
        category: Option<String>,
        in_stock: Option<bool>,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Listing>, StorefrontError>;

    /// One product, active or discontinued. Fails with `UnknownProduct`, also for a new product whose event has not arrived
    /// yet.
    #[get("/listings/{product_id}", stale_ok)]
    async fn listing(&self, cx: &mut CallContext, product_id: ProductId) -> Result<Listing, StorefrontError>;

    /// How current the projections are.
    #[get("/freshness")]
    async fn freshness(&self, cx: &mut CallContext) -> Result<Freshness, StorefrontError>;
}

/// A product with its available units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// The catalog's id of the product.
    pub product_id: ProductId,
    /// Stock keeping unit, the store's own number of the product.
    pub sku: String,
    /// Display name.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Lower-case ASCII letters, digits and hyphens.
    pub category: String,
    /// Price of one unit.
    pub price: Money,
    /// Active or discontinued.
    pub status: ProductStatus,
    /// Units that can be ordered; 0 for a product without a stock event.
    pub available: u64,
}

/// How current the projections are. A time is absent while its projection is being filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Freshness {
    /// Listings include every catalog event published before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products_current_at: Option<Timestamp>,
    /// Listings include every inventory event published before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_current_at: Option<Timestamp>,
}

/// Errors of the storefront.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum StorefrontError {
    /// The storefront knows no product with this id.
    #[error("there is no product {id}")]
    #[problem(status = 404, code = "unknown-product")]
    UnknownProduct {
        /// The requested id.
        id: ProductId,
    },
    /// The page token was not issued for this list.
    #[error("{}", page_token::InvalidPageToken)]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// The call failed without an answer of the storefront.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
