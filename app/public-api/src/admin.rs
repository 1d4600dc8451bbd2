//! Operators' changes to products and stock.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;

use catalog_api::ProductId;
use catalog_api::v1::{CatalogApi, NewProduct, Product};
use inventory_api::v1::{AdjustmentKind, InventoryApi};
use offshoot_contract::{Currency, Money};

use super::products::StockLevel;
use super::refusal::Refusal;
use super::request::{Ids, Operated, StrictJson};
use super::{PublicApi, ROOT};

/// A new product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductToAdd {
    /// Stock keeping unit, unique and case-sensitive, at most 64 bytes.
    sku: String,
    /// Name, at most 200 characters.
    name: String,
    /// Description, at most 4,000 characters.
    #[serde(default)]
    description: String,
    /// Category: lower-case ASCII letters, digits and hyphens, at most 40.
    category: String,
    /// Price of one unit.
    price: Price,
}

/// A price above zero.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    /// Decimal text with at most four decimals, such as `2.55`.
    amount: String,
    /// Currency code, ISO 4217, such as `GBP`.
    currency: Currency,
}

impl Price {
    fn money(&self, field: &str) -> Result<Money, Refusal> {
        Money::parse(&self.amount, self.currency).map_err(|error| Refusal::invalid_field(field, error))
    }
}

pub(super) async fn add_product(
    State(api): State<PublicApi>,
    Operated(mut cx): Operated,
    StrictJson(new): StrictJson<ProductToAdd>,
) -> Result<impl IntoResponse, Refusal> {
    let product = NewProduct {
        price: new.price.money("price.amount")?,
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
    Operated(mut cx): Operated,
    Ids(id): Ids<ProductId>,
    StrictJson(price): StrictJson<Price>,
) -> Result<Json<Product>, Refusal> {
    Ok(Json(
        api.module::<dyn CatalogApi>()?
            .reprice(&mut cx, id, price.money("amount")?)
            .await?,
    ))
}

/// Stock that arrived or left without an order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StockAdjustment {
    /// Units, negative for units that left; not 0.
    change: i64,
    /// Reason, at most 200 characters.
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
    Operated(mut cx): Operated,
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
