//! What customers were told.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use notifications_api::v1::Notice;
use offshoot_contract::Page;
use orders_api::OrderId;

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, Ids, StrictQuery};

/// Which page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// 1 to 100; 20 if it is absent.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// An order that nothing was told of has none, and so has one that there is not: who tells keeps no orders.
pub(super) async fn of_order(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Page<Notice>>, Refusal> {
    let notices = api
        .notifications
        .notices(&mut cx, Some(id), query.page_size, query.page_token);
    Ok(Json(notices.await?))
}
