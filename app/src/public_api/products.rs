//! Products as shoppers see them.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use catalog_api::ProductId;
use catalog_api::v1::Product;
use inventory_api::v1::Stock;
use offshoot_contract::Page;

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, Ids, StrictQuery};

/// Which products, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Words that name, description or SKU must have, all of them. Blank: every product.
    q: Option<String>,
    /// Only this category.
    category: Option<String>,
    /// Products per page, 1 to 100. 20 if it is absent.
    page_size: Option<u32>,
    /// `next_page_token` of the page before, asked for with the same `q` and `category`.
    page_token: Option<String>,
}

pub(super) async fn list(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Page<Product>>, Refusal> {
    // A search form that was left blank sends the parameter all the same.
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let page = api
        .catalog
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

/// A product, and whether it can be had.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProductPage {
    #[serde(flatten)]
    product: Product,
    /// Null where the inventory does not answer: the product is shown all the same.
    availability: Option<Availability>,
}

/// Whether a product can be had.
#[derive(Debug, Serialize, JsonSchema)]
struct Availability {
    /// Whether there is at least one.
    in_stock: bool,
    /// Units that can be bought.
    available: u64,
}

/// How many of a product there are.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StockLevel {
    /// Units that are there.
    on_hand: u64,
    /// Units of them that are promised to orders.
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
    let product = api.catalog.product(&mut of_product, id);
    let stock = api.inventory.stock(&mut of_stock, id);
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
    let product = api.catalog.product(&mut of_product, id);
    let stock = api.inventory.stock(&mut of_stock, id);
    let (product, stock) = futures_util::future::join(product, stock).await;
    // The inventory knows no products: one that was never moved has zeros there.
    product?;
    Ok(Json(stock?.into()))
}
