//! Operations on a shopper's cart.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;

use carts_api::CartId;
use carts_api::v1::{Cart, CartsApi, CartsError, MAX_LINES, MAX_QUANTITY, NewLine};
use catalog_api::ProductId;
use offshoot_contract::{CallContext, Currency};

use super::refusal::Refusal;
use super::request::{Context, Ids, OptionalJson, StrictJson};
use super::{PublicApi, ROOT};

/// A new cart.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCart {
    /// Currency of all products in the cart, one that the store sells in; the store's default currency if absent.
    currency: Option<Currency>,
}

/// Quantity of one product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Quantity {
    /// Units, 1 to 100,000.
    #[schemars(range(min = 1, max = MAX_QUANTITY))]
    quantity: u32,
}

pub(super) async fn create(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    OptionalJson(new): OptionalJson<NewCart>,
) -> Result<impl IntoResponse, Refusal> {
    let currency = new.currency.unwrap_or(api.currency);
    api.require_sold("currency", currency)?;
    let cart = api.module::<dyn CartsApi>()?.create(&mut cx, currency).await?;
    let location = format!("{ROOT}/carts/{}", cart.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(cart)))
}

pub(super) async fn one(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<CartId>,
) -> Result<Json<Cart>, Refusal> {
    Ok(Json(api.module::<dyn CartsApi>()?.cart(&mut cx, id).await?))
}

pub(super) async fn set_line(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids((id, product_id)): Ids<(CartId, ProductId)>,
    StrictJson(Quantity { quantity }): StrictJson<Quantity>,
) -> Result<Json<Cart>, Refusal> {
    api.module::<dyn CartsApi>()?
        .set_quantity(&mut cx, id, product_id, quantity)
        .await?;
    changed(&api, &mut cx, id).await
}

/// All lines of a cart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    /// At most 1,500 lines, one per product.
    #[schemars(length(max = MAX_LINES))]
    lines: Vec<NewLine>,
}

pub(super) async fn set_lines(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids(id): Ids<CartId>,
    StrictJson(Lines { lines }): StrictJson<Lines>,
) -> Result<Json<Cart>, Refusal> {
    api.module::<dyn CartsApi>()?.set_lines(&mut cx, id, lines).await?;
    changed(&api, &mut cx, id).await
}

pub(super) async fn remove_line(
    State(api): State<PublicApi>,
    Context(mut cx): Context,
    Ids((id, product_id)): Ids<(CartId, ProductId)>,
) -> Result<Json<Cart>, Refusal> {
    api.module::<dyn CartsApi>()?.remove(&mut cx, id, product_id).await?;
    changed(&api, &mut cx, id).await
}

/// The cart after a change. If the cart cannot be read, the problem says that the change took effect.
async fn changed(api: &PublicApi, cx: &mut CallContext, id: CartId) -> Result<Json<Cart>, Refusal> {
    match api.module::<dyn CartsApi>()?.cart(cx, id).await {
        Ok(cart) => Ok(Json(cart)),
        Err(CartsError::Call(failure)) => Err(CartsError::Call(failure.with_may_have_executed(true)).into()),
        Err(answer) => Err(answer.into()),
    }
}
