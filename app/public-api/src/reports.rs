//! Operations on reports.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use orders_api::v1::{OrdersApi, Revenue, RevenueBy};
use reporting_api::v1::{Question, Report, ReportingApi};

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, StrictJson, StrictQuery};

/// Grouping of the report.
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
    Ok(Json(api.module::<dyn OrdersApi>()?.revenue(&mut cx, by).await?))
}

/// Answers a query. The method is POST, although nothing changes, because a query is too long for a URL.
pub(super) async fn query(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    StrictJson(question): StrictJson<Question>,
) -> Result<Json<Report>, Refusal> {
    Ok(Json(api.module::<dyn ReportingApi>()?.query(&mut cx, question).await?))
}
