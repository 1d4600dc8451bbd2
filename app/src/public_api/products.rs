//! Products as shoppers see them.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use catalog_api::ProductId;
use catalog_api::v1::Product;
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

pub(super) async fn one(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<ProductId>,
) -> Result<Json<Product>, Refusal> {
    Ok(Json(api.catalog.product(&mut cx, id).await?))
}
