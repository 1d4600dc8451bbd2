//! Operations on products.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use catalog_api::ProductId;
use catalog_api::v1::{CatalogApi, MAX_SEARCH_CHARS, Product};
use inventory_api::v1::{InventoryApi, Stock};
use offshoot_contract::{Page, PageSize, page_token};

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, Ids, StrictQuery};

/// Filters and page parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Words that name, description or SKU must all contain, at most 200 characters. Blank: every product.
    #[schemars(length(max = MAX_SEARCH_CHARS))]
    q: Option<String>,
    /// Only this category.
    category: Option<String>,
    /// Products per page, 1 to 100; 20 if absent.
    #[schemars(range(min = 1, max = PageSize::MAX))]
    page_size: Option<u32>,
    /// `next_page_token` of the previous page, with the same `q` and `category`.
    #[schemars(length(max = page_token::MAX_TOKEN_CHARS))]
    page_token: Option<String>,
}

pub(super) async fn list(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Page<Product>>, Refusal> {
    // A blank search form still sends the parameter.
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let page = api
        .module::<dyn CatalogApi>()?
        .browse(
            &mut cx,
            filled(query.q),
            filled(query.category),
            query.page_size,
            query.page_token,
        )
        .await?;
    Ok(Json(page))
}

/// A product with its availability.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProductPage {
    #[serde(flatten)]
    product: Product,
    /// Null if the inventory does not answer; the product is shown all the same.
    availability: Option<Availability>,
}

/// Availability of a product.
#[derive(Debug, Serialize, JsonSchema)]
struct Availability {
    /// Whether at least one unit is available.
    in_stock: bool,
    /// Units that can be bought.
    available: u64,
}

/// Stock of a product.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StockLevel {
    /// Units on hand.
    on_hand: u64,
    /// Units reserved for orders.
    reserved: u64,
    /// Units that can be bought.
    available: u64,
}

impl From<Stock> for StockLevel {
    fn from(stock: Stock) -> Self {
        Self {
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            available: stock.available,
        }
    }
}

pub(super) async fn one(
    State(api): State<PublicApi>,
    Context(cx): Context,
    Ids(id): Ids<ProductId>,
) -> Result<Json<ProductPage>, Refusal> {
    let (mut of_product, mut of_stock) = (cx.fork(), cx.fork());
    let product = api.module::<dyn CatalogApi>()?.product(&mut of_product, id);
    let stock = api.module::<dyn InventoryApi>()?.stock(&mut of_stock, id);
    let (product, stock) = futures_util::future::join(product, stock).await;
    let availability = |stock: Stock| Availability {
        in_stock: stock.available > 0,
        available: stock.available,
    };
    Ok(Json(ProductPage {
        product: product?,
        availability: stock.ok().map(availability),
    }))
}

pub(super) async fn stock(
    State(api): State<PublicApi>,
    Context(cx): Context,
    Ids(id): Ids<ProductId>,
) -> Result<Json<StockLevel>, Refusal> {
    let (mut of_product, mut of_stock) = (cx.fork(), cx.fork());
    let product = api.module::<dyn CatalogApi>()?.product(&mut of_product, id);
    let stock = api.module::<dyn InventoryApi>()?.stock(&mut of_stock, id);
    let (product, stock) = futures_util::future::join(product, stock).await;
    // The inventory does not know products: a product without movements has zeros.
    product?;
    Ok(Json(stock?.into()))
}
