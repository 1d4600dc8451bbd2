//! Notices sent to customers.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use notifications_api::v1::{Notice, NotificationsApi};
use offshoot_contract::{Page, PageSize, page_token};
use orders_api::OrderId;

use super::PublicApi;
use super::refusal::Refusal;
use super::request::{Context, Ids, StrictQuery};

/// Page parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Notices per page, 1 to 100; 20 if absent.
    #[schemars(range(min = 1, max = PageSize::MAX))]
    page_size: Option<u32>,
    /// `next_page_token` of the previous page.
    #[schemars(length(max = page_token::MAX_TOKEN_CHARS))]
    page_token: Option<String>,
}

/// Answers an unknown order with an empty page, because notifications do not know orders.
pub(super) async fn of_order(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Page<Notice>>, Refusal> {
    let notices = api
        .module::<dyn NotificationsApi>()?
        .notices(&mut cx, Some(id), query.page_size, query.page_token);
    Ok(Json(notices.await?))
}
