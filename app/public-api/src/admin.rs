//! Operators' changes to products and stock.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;

use catalog_api::ProductId;
use catalog_api::v1::{
    CatalogApi, MAX_CATEGORY_CHARS, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_SKU_BYTES, NewProduct, Product,
};
use inventory_api::v1::{AdjustmentKind, InventoryApi, MAX_NOTE_CHARS, MAX_QUANTITY};
use offshoot_contract::{Currency, Money};

use super::products::StockLevel;
use super::refusal::Refusal;
use super::request::{Context, Ids, StrictJson};
use super::{PublicApi, ROOT};

/// A new product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductToAdd {
    /// Stock keeping unit, unique and case-sensitive, at most 64 bytes.
    #[schemars(length(min = 1, max = MAX_SKU_BYTES))]
    sku: String,
    /// Name, at most 200 characters.
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    name: String,
    /// Description, at most 4,000 characters.
    #[serde(default)]
    #[schemars(length(max = MAX_DESCRIPTION_CHARS))]
    description: String,
    /// Category: lower-case ASCII letters, digits and hyphens, at most 40.
    #[schemars(length(min = 1, max = MAX_CATEGORY_CHARS), regex(pattern = "^[a-z0-9-]+$"))]
    category: String,
    /// Price of one unit.
    price: Price,
}

/// A price above zero.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    /// Decimal text with at most four decimals, such as `2.55`.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]{1,4})?$"))]
    amount: String,
    /// Currency code, ISO 4217, such as `GBP`: one that the store sells in.
    currency: Currency,
}

impl Price {
    /// `at`: path of the price in the body, with the dot.
    fn money(&self, api: &PublicApi, at: &str) -> Result<Money, Refusal> {
        api.require_sold(&format!("{at}currency"), self.currency)?;
        Money::parse(&self.amount, self.currency).map_err(|error| Refusal::invalid_field(&format!("{at}amount"), error))
    }
}

pub(super) async fn add_product(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictJson(new): StrictJson<ProductToAdd>,
) -> Result<impl IntoResponse, Refusal> {
    let product = NewProduct {
        price: new.price.money(&api, "price.")?,
        sku: new.sku,
        name: new.name,
        description: new.description,
        category: new.category,
        price_since: None,
    };
    let product = api.module::<dyn CatalogApi>()?.add(&mut cx, product).await?;
    let location = format!("{ROOT}/products/{}", product.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(product)))
}

pub(super) async fn set_price(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<ProductId>,
    StrictJson(price): StrictJson<Price>,
) -> Result<Json<Product>, Refusal> {
    Ok(Json(
        api.module::<dyn CatalogApi>()?
            .reprice(&mut cx, id, price.money(&api, "")?)
            .await?,
    ))
}

/// Stock that arrived or left without an order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StockAdjustment {
    /// Units, negative for units that left; not 0, and at most 1,000,000.
    #[schemars(range(min = -i64::from(MAX_QUANTITY), max = MAX_QUANTITY))]
    change: i64,
    /// Reason, at most 200 characters.
    #[schemars(length(max = MAX_NOTE_CHARS))]
    reason: String,
    /// `received` for purchased stock, `adjusted` for a correction; `adjusted` if absent.
    #[serde(default = "adjusted")]
    kind: AdjustmentKind,
}

fn adjusted() -> AdjustmentKind {
    AdjustmentKind::Adjusted
}

pub(super) async fn adjust_stock(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<ProductId>,
    StrictJson(adjustment): StrictJson<StockAdjustment>,
) -> Result<Json<StockLevel>, Refusal> {
    // The inventory accepts any id, so the product is checked first.
    api.module::<dyn CatalogApi>()?.product(&mut cx, id).await?;
    let StockAdjustment { change, reason, kind } = adjustment;
    Ok(Json(
        api.module::<dyn InventoryApi>()?
            .adjust(&mut cx, id, kind, change, reason)
            .await?
            .into(),
    ))
}
