//! Operations on orders: checkout, cancellation, return.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use carts_api::CartId;
use orders_api::OrderId;
use orders_api::v1::{MAX_EMAIL_BYTES, MAX_NAME_CHARS, Order, OrderStatus, OrdersApi, ReturnedLine};
use payments_api::v1::PaymentToken;

use super::refusal::Refusal;
use super::request::{Context, Ids, StrictJson};
use super::{PublicApi, ROOT};

/// Payment and contact of a checkout. Without `Debug`, so that no log can contain the token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkout {
    /// Token from the payment provider's form, never a card number. The sandbox accepts `tok_visa`, `tok_declined`,
    /// `tok_timeout` and `tok_fail_once`.
    payment_token: PaymentToken,
    /// Address for notices, at most 254 bytes.
    #[schemars(length(max = MAX_EMAIL_BYTES))]
    email: String,
    /// Country of the shopper, at most 100 characters; `Unspecified` if absent.
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    country: Option<String>,
}

/// Returned units.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Goods {
    /// Lines of the order, each at most once.
    #[schemars(length(min = 1))]
    lines: Vec<ReturnedLine>,
}

/// A new order, for whoever checked it out. Without `Debug`, so that no log can contain the token.
#[derive(Serialize, JsonSchema)]
pub(super) struct PlacedOrder {
    #[serde(flatten)]
    order: Order,
    /// Secret token of the order's link. Reading, cancelling and returning the order ask for the token as `Order-Token`. A
    /// checkout repeated under the same idempotency key answers the token again.
    link_token: String,
}

/// Answers 201 for a confirmed order, 202 for a pending order.
pub(super) async fn checkout(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(cart_id): Ids<CartId>,
    StrictJson(body): StrictJson<Checkout>,
) -> Result<impl IntoResponse, Refusal> {
    let order = api
        .module::<dyn OrdersApi>()?
        .checkout(&mut cx, cart_id, body.email, body.country, body.payment_token);
    let order = order.await?;
    let status = match order.status {
        OrderStatus::Pending => StatusCode::ACCEPTED,
        _ => StatusCode::CREATED,
    };
    let location = format!("{ROOT}/orders/{}", order.id);
    let link_token = (api.links)(order.id).into_iter().next().unwrap_or_default();
    let placed = PlacedOrder { order, link_token };
    // No cache keeps the token.
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((status, headers, Json(placed)))
}

pub(super) async fn one(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
) -> Result<Json<Order>, Refusal> {
    Ok(Json(api.module::<dyn OrdersApi>()?.order(&mut cx, id).await?))
}

pub(super) async fn cancel(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
) -> Result<Json<Order>, Refusal> {
    Ok(Json(api.module::<dyn OrdersApi>()?.cancel(&mut cx, id).await?))
}

pub(super) async fn send_back(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
    StrictJson(Goods { lines }): StrictJson<Goods>,
) -> Result<Json<Order>, Refusal> {
    Ok(Json(
        api.module::<dyn OrdersApi>()?.return_goods(&mut cx, id, lines).await?,
    ))
}
