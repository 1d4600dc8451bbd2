//! Version 1 of the storefront's contract.
//!
//! The storefront shows what is for sale beside what can be had of it, from copies that it keeps of both: it asks nobody,
//! so it answers while the catalog or the inventory is away. What it shows may be a little old; [`freshness`] says how
//! old. Nothing is promised and no price is agreed here: the inventory and the catalog decide that when it comes to it.
//!
//! [`freshness`]: StorefrontApi::freshness

use async_trait::async_trait;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{CallContext, CallFailure, ContractError, Money, Page, Timestamp, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use catalog_api::ProductId;

/// What is for sale, and whether it can be had.
#[contract(name = "storefront", version = "1.0", callers = ["public"])]
#[async_trait]
pub trait StorefrontApi: Send + Sync + 'static {
    /// Products that are sold, in the order of their SKU, page by page. With `category`, only that one; with `in_stock`,
    /// only those that can be had, or only those that cannot. A token belongs to the category and `in_stock` it came
    /// from: any other is a `BadPageToken`.
    #[get("/listings", stale_ok)]
    async fn browse(
        &self,
        cx: &mut CallContext,
        category: Option<String>,
        in_stock: Option<bool>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Listing>, StorefrontError>;

    /// One product, sold or discontinued. Fails with `UnknownProduct`, which may also mean that it is not known here yet.
    #[get("/listings/{product_id}", stale_ok)]
    async fn listing(&self, cx: &mut CallContext, product_id: ProductId) -> Result<Listing, StorefrontError>;

    /// How old the copies are.
    #[get("/freshness")]
    async fn freshness(&self, cx: &mut CallContext) -> Result<Freshness, StorefrontError>;
}

/// A product as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// Given by the catalog.
    pub product_id: ProductId,
    /// The store's own number.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Lower-case ASCII letters, digits and hyphens.
    pub category: String,
    /// The price of one unit.
    pub price: Money,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// Units that can be had; 0 where nothing was heard of any.
    pub available: u64,
}

/// How old the copies are. None of these times is there while a copy is being filled: it may still lack anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Freshness {
    /// What the catalog announced before is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products_current_at: Option<Timestamp>,
    /// What the inventory announced before is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_current_at: Option<Timestamp>,
}

/// What the storefront answers instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum StorefrontError {
    /// No product has this id, as far as is known here.
    #[error("there is no product {id}")]
    #[problem(status = 404, code = "unknown-product")]
    UnknownProduct {
        /// As it was asked for.
        id: ProductId,
    },
    /// A page token that this list did not give.
    #[error("the page token is not one of this list: start again without it")]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// Not the storefront's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
