//! What the store comes to.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use orders_api::v1::{Revenue, RevenueBy};

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, StrictQuery};

/// How the report is divided.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Division {
    /// `month` (UTC) or `country`.
    by: RevenueBy,
}

pub(super) async fn revenue(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictQuery(Division { by }): StrictQuery<Division>,
) -> Result<Json<Revenue>, Refusal> {
    Ok(Json(api.orders.revenue(&mut cx, by).await?))
}
