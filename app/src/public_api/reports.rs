//! What the store comes to.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use orders_api::v1::{Revenue, RevenueBy};
use reporting_api::v1::{Question, Report};

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, StrictJson, StrictQuery};

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

/// Asks and changes nothing, whatever its verb: a question is too long for an address.
pub(super) async fn query(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictJson(question): StrictJson<Question>,
) -> Result<Json<Report>, Refusal> {
    Ok(Json(api.reporting.query(&mut cx, question).await?))
}
