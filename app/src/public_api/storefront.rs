//! What is for sale and what can be had of it, also while the catalog or the inventory is away.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use catalog_api::ProductId;
use offshoot_contract::Page;
use storefront_api::v1::{Freshness, Listing};

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, Ids, StrictQuery};

/// Which products, and which page of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only this category.
    category: Option<String>,
    /// Only what can be had, or only what cannot.
    in_stock: Option<bool>,
    /// 1 to 100; 20 if it is absent.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// One page of products.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listings {
    #[serde(flatten)]
    page: Page<Listing>,
    /// How old what is shown may be.
    freshness: Freshness,
}

pub(super) async fn list(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Listings>, Refusal> {
    // First, so that the page is at least as new as is said.
    let freshness = api.storefront.freshness(&mut cx).await?;
    let page = api.storefront.browse(
        &mut cx,
        query.category,
        query.in_stock,
        query.page_size,
        query.page_token,
    );
    Ok(Json(Listings {
        page: page.await?,
        freshness,
    }))
}

pub(super) async fn one(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<ProductId>,
) -> Result<Json<Listing>, Refusal> {
    Ok(Json(api.storefront.listing(&mut cx, id).await?))
}
