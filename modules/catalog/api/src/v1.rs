//! Version 1 of the catalog's contract.
//!
//! The catalog decides what is sold and at what price, and nobody else does. Other modules keep product ids and ask
//! for the rest. A product is never deleted, so an id that was once answered can always be asked for again.

// What travels.
mod event;
mod product;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Money, Page, contract};

pub use self::event::CatalogEvent;
pub use self::product::{
    AddOutcome, NewProduct, PriceChange, PriceOutcome, PricePoint, Product, ProductChanges, ProductStatus,
};
pub use crate::ProductId;

/// Most items in one bulk call.
pub const MAX_BULK_ITEMS: usize = 1_000;
/// Longest SKU, bytes of UTF-8.
pub const MAX_SKU_BYTES: usize = 64;
/// Longest name, characters.
pub const MAX_NAME_CHARS: usize = 200;
/// Longest description, characters.
pub const MAX_DESCRIPTION_CHARS: usize = 4_000;
/// Longest category, characters. A category is lower-case ASCII letters, digits and hyphens.
pub const MAX_CATEGORY_CHARS: usize = 40;
/// Longest search text, characters.
pub const MAX_SEARCH_CHARS: usize = 200;

/// What the store sells, and at what price.
#[contract(name = "catalog", version = "1.1", callers = ["public", "carts", "storefront", "import", "replay"], events = CatalogEvent)]
#[async_trait]
pub trait CatalogApi: Send + Sync + 'static {
    /// One product, discontinued or not. Fails with `UnknownProduct`.
    #[get("/products/{id}", stale_ok)]
    async fn product(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError>;

    /// The products with these ids, in the order asked for; ids that are unknown are left out, ids that are asked for
    /// twice answer twice. At most [`MAX_BULK_ITEMS`], else `TooManyItems`.
    #[post("/products/lookup", safe, stale_ok)]
    async fn products_by_id(&self, cx: &mut CallContext, ids: Vec<ProductId>) -> Result<Vec<Product>, CatalogError>;

    /// Products that are sold, page by page.
    ///
    /// With `search`, those whose name, description or SKU have every word of it, the best match first; else in the
    /// order of their SKU. With `category`, only that one. A token belongs to the search and category it came from:
    /// any other is a `BadPageToken`. Pages neither repeat nor leave out a product that stays as it is meanwhile.
    #[get("/products", stale_ok)]
    async fn browse(
        &self,
        cx: &mut CallContext,
        search: Option<String>,
        category: Option<String>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Product>, CatalogError>;

    /// The prices that a product has had, the newest first. Fails with `UnknownProduct` or `BadPageToken`.
    #[get("/products/{id}/prices", stale_ok)]
    async fn price_history(
        &self,
        cx: &mut CallContext,
        id: ProductId,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<PricePoint>, CatalogError>;

    /// Adds a product for sale. Fails with `DuplicateSku` (SKUs are case-sensitive) or `InvalidProduct`.
    #[post("/products")]
    async fn add(&self, cx: &mut CallContext, product: NewProduct) -> Result<Product, CatalogError>;

    /// Adds up to [`MAX_BULK_ITEMS`] products, with an outcome for each in the same order. A SKU that is there already is
    /// left as it is, which makes a repeat harmless. Fails as a whole only with `TooManyItems`.
    #[post("/products/bulk", idempotent)]
    async fn add_many(&self, cx: &mut CallContext, products: Vec<NewProduct>) -> Result<Vec<AddOutcome>, CatalogError>;

    /// Changes what is given and leaves the rest. `version` is that of the product as last read: if it has changed
    /// since, `VersionConflict`, unless it was this very change, whose repeat answers as the first did. The same values
    /// again raise no version. Fails with `UnknownProduct` or `InvalidProduct`.
    #[put("/products/{id}")]
    async fn change(
        &self,
        cx: &mut CallContext,
        id: ProductId,
        version: u32,
        changes: ProductChanges,
    ) -> Result<Product, CatalogError>;

    /// Ends the sale of a product; one that is discontinued stays so. Fails with `UnknownProduct`.
    #[put("/products/{id}/discontinued")]
    async fn discontinue(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError>;

    /// Sets the price from now on. The same price again writes no history. Fails with `UnknownProduct` or
    /// `InvalidProduct` (a price must be positive).
    #[put("/products/{id}/price")]
    async fn reprice(&self, cx: &mut CallContext, id: ProductId, price: Money) -> Result<Product, CatalogError>;

    /// Records up to [`MAX_BULK_ITEMS`] prices with the time from which each held, for loading a history, with an
    /// outcome for each in the same order. One price per product and time: a later record of the same time replaces
    /// it. The product's price becomes that of the latest time. Fails as a whole only with `TooManyItems`.
    #[post("/prices/bulk", idempotent)]
    async fn record_prices(
        &self,
        cx: &mut CallContext,
        prices: Vec<PriceChange>,
    ) -> Result<Vec<PriceOutcome>, CatalogError>;
}

/// What the catalog answers instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum CatalogError {
    /// No product has this id.
    #[error("there is no product {id}")]
    #[problem(status = 404, code = "unknown-product")]
    UnknownProduct {
        /// As it was asked for.
        id: ProductId,
    },
    /// Another product has this SKU.
    #[error("the SKU `{sku}` is taken by {id}")]
    #[problem(status = 409, code = "duplicate-sku")]
    DuplicateSku {
        /// As it was given.
        sku: String,
        /// The product that has it.
        id: ProductId,
    },
    /// The product was changed since it was read.
    #[error("{id} is at version {current}, not {expected}: read it again")]
    #[problem(status = 409, code = "version-conflict")]
    VersionConflict {
        /// The product.
        id: ProductId,
        /// The version that the caller gave.
        expected: u32,
        /// The version now.
        current: u32,
    },
    /// A field of the product is not acceptable.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-product")]
    InvalidProduct {
        /// Its name.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// More items than one call takes.
    #[error("{given} items in one call, at most {limit} are taken")]
    #[problem(status = 422, code = "too-many-items")]
    TooManyItems {
        /// What came.
        given: u32,
        /// What is taken.
        limit: u32,
    },
    /// A search text that is too long or has no word in it.
    #[error("the search text {reason}")]
    #[problem(status = 422, code = "invalid-search")]
    InvalidSearch {
        /// What is wrong with it.
        reason: String,
    },
    /// A page token that this list did not give.
    #[error("the page token is not one of this list: start again without it")]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// Not the catalog's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
