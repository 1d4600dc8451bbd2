//! What a shopper buys, and sends back.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;

use carts_api::CartId;
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus, ReturnedLine};
use payments_api::v1::PaymentToken;

use super::refusal::Refusal;
use super::request::{Context, Ids, StrictJson};
use super::{PublicApi, ROOT};

/// How a cart is paid. Has no `Debug`, so that no log can show it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkout {
    /// What the payment provider's form gave in place of a card. The sandbox takes `tok_visa`, `tok_declined`,
    /// `tok_timeout` and `tok_fail_once`. Never a card number.
    payment_token: PaymentToken,
    /// Where the confirmation goes, at most 254 bytes.
    email: String,
    /// The shopper's country, at most 100 characters; `Unspecified` if it is absent.
    country: Option<String>,
}

/// What comes back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Goods {
    /// Lines of the order, each once.
    lines: Vec<ReturnedLine>,
}

/// 201 for an order that is confirmed, 202 for one that is still pending.
pub(super) async fn checkout(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(cart_id): Ids<CartId>,
    StrictJson(body): StrictJson<Checkout>,
) -> Result<impl IntoResponse, Refusal> {
    let order = api
        .orders
        .checkout(&mut cx, cart_id, body.email, body.country, body.payment_token);
    let order = order.await?;
    let status = match order.status {
        OrderStatus::Pending => StatusCode::ACCEPTED,
        _ => StatusCode::CREATED,
    };
    let location = format!("{ROOT}/orders/{}", order.id);
    Ok((status, [(header::LOCATION, location)], Json(order)))
}

pub(super) async fn one(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
) -> Result<Json<Order>, Refusal> {
    Ok(Json(api.orders.order(&mut cx, id).await?))
}

pub(super) async fn cancel(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
) -> Result<Json<Order>, Refusal> {
    Ok(Json(api.orders.cancel(&mut cx, id).await?))
}

pub(super) async fn send_back(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<OrderId>,
    StrictJson(Goods { lines }): StrictJson<Goods>,
) -> Result<Json<Order>, Refusal> {
    Ok(Json(api.orders.return_goods(&mut cx, id, lines).await?))
}
