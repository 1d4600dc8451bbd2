//! Version 1 of the catalog contract: products and prices.
//!
//! The catalog alone decides which products are sold and at which price. Other modules store product ids and look up
//! the rest. Products are never deleted, so every id ever returned stays valid.

// Events and data types.
mod event;
mod product;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Money, Page, PageSize, contract, page_token};

pub use self::event::CatalogEvent;
pub use self::product::{
    AddOutcome, NewProduct, PriceChange, PriceOutcome, PricePoint, Product, ProductChanges, ProductStatus,
};
pub use crate::ProductId;

/// Maximum number of items in one bulk call.
pub const MAX_BULK_ITEMS: usize = 1_000;
/// Maximum length of a SKU, bytes of UTF-8.
pub const MAX_SKU_BYTES: usize = 64;
/// Maximum length of a name, characters.
pub const MAX_NAME_CHARS: usize = 200;
/// Maximum length of a description, characters.
pub const MAX_DESCRIPTION_CHARS: usize = 4_000;
/// Maximum length of a category, characters. A category consists of lower-case ASCII letters, digits and hyphens.
pub const MAX_CATEGORY_CHARS: usize = 40;
/// Maximum length of a search text, characters.
pub const MAX_SEARCH_CHARS: usize = 200;

/// Products and prices of the store. Products are never deleted, so every product id stays valid.
///
/// A list has 20 items per page, or `page_size` items, 1 to 100. `page_token` is the `next_page_token` of the previous
/// page; the last page has none.
#[contract(name = "catalog", version = "1.1", events = CatalogEvent)]
#[async_trait]
pub trait CatalogApi: Send + Sync + 'static {
    /// Returns a product, active or discontinued. Fails with `UnknownProduct`.
    #[get("/products/{id}", stale_ok)]
    async fn product(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError>;

    /// Returns the products with these ids, in the order of `ids`. Unknown ids are left out; an id given twice is
    /// returned twice. Fails with `TooManyItems` above 1,000 ids.
    #[post("/products/lookup", safe, stale_ok)]
    async fn products_by_id(
        &self,
        cx: &mut CallContext,
        #[schemars(length(max = MAX_BULK_ITEMS))] ids: Vec<ProductId>,
    ) -> Result<Vec<Product>, CatalogError>;

    /// Lists active products, page by page.
    ///
    /// With `search` (at most 200 characters): the products with every word of the search in name, description or SKU,
    /// best match first. Without `search`: in SKU order. `category` limits the list to one category. A page token is only
    /// valid with the same search and category. Pages never repeat or skip a product that does not change between the
    /// calls. Fails with `InvalidSearch` or `BadPageToken`.
    #[get("/products", stale_ok)]
    async fn browse(
        &self,
        cx: &mut CallContext,
        #[schemars(length(min = 1, max = MAX_SEARCH_CHARS))] search: Option<String>,
        category: Option<String>,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Product>, CatalogError>;

    /// Lists all prices of a product, newest first. Fails with `UnknownProduct` or `BadPageToken`.
    #[get("/products/{id}/prices", stale_ok)]
    async fn price_history(
        &self,
        cx: &mut CallContext,
        id: ProductId,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<PricePoint>, CatalogError>;

    /// Adds an active product. Fails with `DuplicateSku` (SKUs are case-sensitive) or `InvalidProduct`.
    #[post("/products")]
    async fn add(&self, cx: &mut CallContext, product: NewProduct) -> Result<Product, CatalogError>;

    /// Adds up to 1,000 products and returns one outcome per item, in the same order. A product with an existing SKU is
    /// left unchanged, so a repeat is harmless. The call as a whole fails only with `TooManyItems`.
    #[post("/products/bulk", idempotent)]
    async fn add_many(
        &self,
        cx: &mut CallContext,
        #[schemars(length(max = MAX_BULK_ITEMS))] products: Vec<NewProduct>,
    ) -> Result<Vec<AddOutcome>, CatalogError>;

    /// Changes the fields that are present. `version` is the version that the caller last read; if the product has
    /// changed since, the call fails with `VersionConflict`. A repeat of the same change returns the result of the
    /// first call instead. Values equal to the current ones do not raise the version. Also fails with `UnknownProduct`
    /// or `InvalidProduct`.
    #[put("/products/{id}")]
    async fn change(
        &self,
        cx: &mut CallContext,
        id: ProductId,
        version: u32,
        changes: ProductChanges,
    ) -> Result<Product, CatalogError>;

    /// Discontinues a product for ever. A discontinued product is left unchanged. Fails with `UnknownProduct`.
    #[put("/products/{id}/discontinued")]
    async fn discontinue(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError>;

    /// Sets the price from now on. An unchanged price adds nothing to the history. Fails with `UnknownProduct` or
    /// `InvalidProduct` (a price must be positive).
    #[put("/products/{id}/price")]
    async fn reprice(&self, cx: &mut CallContext, id: ProductId, price: Money) -> Result<Product, CatalogError>;

    /// Records up to 1,000 historical prices with their start times and returns one outcome per item, in the same order.
    /// A repeat is harmless. A product has one price per start time: recording the same time again replaces the price. The
    /// current price becomes the price with the latest start time. The call as a whole fails only with `TooManyItems`.
    #[post("/prices/bulk", idempotent)]
    async fn record_prices(
        &self,
        cx: &mut CallContext,
        #[schemars(length(max = MAX_BULK_ITEMS))] prices: Vec<PriceChange>,
    ) -> Result<Vec<PriceOutcome>, CatalogError>;
}

/// Errors of the catalog.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum CatalogError {
    /// No product has this id.
    #[error("there is no product {id}")]
    #[problem(status = 404, code = "unknown-product")]
    UnknownProduct {
        /// The requested id.
        id: ProductId,
    },
    /// Another product has this SKU.
    #[error("the SKU `{sku}` already belongs to {id}")]
    #[problem(status = 409, code = "duplicate-sku")]
    DuplicateSku {
        /// The SKU of the request.
        sku: String,
        /// The existing product with this SKU.
        id: ProductId,
    },
    /// The product has changed since the caller read it.
    #[error("{id} has version {current}, not {expected}: read the product again")]
    #[problem(status = 409, code = "version-conflict")]
    VersionConflict {
        /// The product.
        id: ProductId,
        /// The version in the request.
        expected: u32,
        /// The current version.
        current: u32,
    },
    /// A field of the product is invalid.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-product")]
    InvalidProduct {
        /// Name of the field.
        field: String,
        /// Why the value is invalid and which values are valid.
        reason: String,
    },
    /// The bulk call has too many items.
    #[error("the call has {given} items, but the limit is {limit}")]
    #[problem(status = 422, code = "too-many-items")]
    TooManyItems {
        /// Number of items in the call.
        given: u32,
        /// Maximum number of items.
        limit: u32,
    },
    /// The search text is too long or contains no word.
    #[error("the search text {reason}")]
    #[problem(status = 422, code = "invalid-search")]
    InvalidSearch {
        /// Why the search text is invalid.
        reason: String,
    },
    /// The page token was not issued for this list.
    #[error("{}", page_token::InvalidPageToken)]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// The call failed outside the catalog's own rules.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
