//! Operations on the storefront: products with availability, also while catalog or inventory are down.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use catalog_api::ProductId;
use offshoot_contract::{Page, PageSize, page_token};
use storefront_api::v1::{Freshness, Listing, StorefrontApi};

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, Ids, StrictQuery};

/// Filters and page parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only this category.
    category: Option<String>,
    /// `true`: only available products; `false`: only unavailable products; absent: both.
    in_stock: Option<bool>,
    /// Products per page, 1 to 100; 20 if absent.
    #[schemars(range(min = 1, max = PageSize::MAX))]
    page_size: Option<u32>,
    /// `next_page_token` of the previous page.
    #[schemars(length(max = page_token::MAX_TOKEN_CHARS))]
    page_token: Option<String>,
}

/// One page of products.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listings {
    #[serde(flatten)]
    page: Page<Listing>,
    /// Age of the shown data.
    freshness: Freshness,
}

pub(super) async fn list(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Listings>, Refusal> {
    // Freshness is read first, so that the page is at least as new as stated.
    let freshness = api.module::<dyn StorefrontApi>()?.freshness(&mut cx).await?;
    let page = api.module::<dyn StorefrontApi>()?.browse(
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
    Ok(Json(api.module::<dyn StorefrontApi>()?.listing(&mut cx, id).await?))
}
