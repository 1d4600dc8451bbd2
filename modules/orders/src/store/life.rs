//! The life of one order. Each change says under which attempt it is made, and changes nothing if that was taken over.

use carts_api::CartId;
use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{CallKey, Queries, Tx, sql};
use orders_api::OrderId;
use orders_api::v1::{FailureReason, Order, OrderStatus, Return};

use super::damaged;
use crate::checkout::Work;

/// The attempt that makes a change, and until when the order is its own after it.
pub(crate) struct Under {
    id: OrderId,
    attempt: i64,
    now: Timestamp,
    lease_until: Option<Timestamp>,
}

impl Under {
    /// More is to come.
    pub(crate) fn lease(work: &Work, now: Timestamp, until: Timestamp) -> Self {
        Self {
            lease_until: Some(until),
            ..Self::end(work, now)
        }
    }

    /// Nothing is open after it.
    pub(crate) fn end(work: &Work, now: Timestamp) -> Self {
        Self {
            id: work.order.id,
            attempt: work.attempt,
            now,
            lease_until: None,
        }
    }
}

/// Who works on an order.
pub(crate) struct HeldOrder {
    pub(crate) attempt: i64,
    /// None where nothing is open.
    pub(crate) lease_until: Option<Timestamp>,
}

/// The order that a call has placed.
pub(crate) struct PlacedOrder {
    id: OrderId,
    arguments: Vec<u8>,
}

impl PlacedOrder {
    /// Fails if that call had other arguments.
    pub(crate) fn id_of_same(&self, key: &CallKey) -> Result<OrderId, CallFailure> {
        key.require_same(&self.arguments).map(|()| self.id)
    }
}

/// A new order with its lines. False if its cart or its key has one.
pub(crate) async fn place(
    tx: &mut Tx<'_>,
    order: &Order,
    key: Option<&CallKey>,
    lease_until: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "INSERT INTO orders (id, status, cart_id, customer, country, currency, total, refunded, request, \
         request_arguments, attempt, lease_until, placed_at, updated_at) \
         VALUES ($1, 'pending', $2, $3, $4, $5, $6, 0, $7, $8, 0, $9, $10, $10) ON CONFLICT DO NOTHING"
    );
    let currency = order.total.currency();
    let values = (
        order.id,
        order.cart_id,
        order.customer.as_str(),
        order.country.as_str(),
        currency.as_str(),
        order.total.ten_thousandths(),
        key.map(CallKey::scope),
        key.map(CallKey::arguments),
        lease_until,
        order.placed_at,
    );
    if tx.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    let sql = sql!(
        "INSERT INTO order_lines (order_id, number, product_id, sku, name, quantity, unit_price, returned) VALUES $rows"
    );
    let rows = order.lines.iter().map(|line| {
        (
            order.id,
            i64::from(line.number),
            line.product_id,
            line.sku.clone(),
            line.name.clone(),
            line.quantity,
            line.unit_price.ten_thousandths(),
            0_i64,
        )
    });
    tx.insert_many(sql, rows).await?;
    Ok(true)
}

/// The order that a call under this key has placed.
pub(crate) async fn placed_under(db: &mut Queries, key: &CallKey) -> Result<Option<PlacedOrder>, CallFailure> {
    let sql = sql!("SELECT id, request_arguments FROM orders WHERE request = $1");
    let row: Option<(OrderId, Vec<u8>)> = db.fetch_optional(sql, (key.scope(),)).await?;
    Ok(row.map(|(id, arguments)| PlacedOrder { id, arguments }))
}

/// The order of a cart, unless it failed.
pub(crate) async fn order_of_cart(db: &mut Queries, cart_id: CartId) -> Result<Option<OrderId>, CallFailure> {
    let sql = sql!("SELECT id FROM orders WHERE cart_id = $1 AND status <> 'failed'");
    let row: Option<(OrderId,)> = db.fetch_optional(sql, (cart_id,)).await?;
    Ok(row.map(|(id,)| id))
}

/// Who works on an order; none if there is no such order.
///
/// On Postgres this does not lock the row: what follows says under which attempt it is written.
pub(crate) async fn held(db: &mut Queries, id: OrderId) -> Result<Option<HeldOrder>, CallFailure> {
    let sql = sql!("SELECT attempt, lease_until FROM orders WHERE id = $1");
    let row: Option<(i64, Option<Timestamp>)> = db.fetch_optional(sql, (id,)).await?;
    Ok(row.map(|(attempt, lease_until)| HeldOrder { attempt, lease_until }))
}

/// Orders whose lease has run out, the longest abandoned first, with their attempts.
pub(crate) async fn abandoned(
    db: &mut Queries,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(OrderId, i64)>, CallFailure> {
    let sql = sql!("SELECT id, attempt FROM orders WHERE lease_until <= $1 ORDER BY lease_until LIMIT $2");
    db.fetch_all(sql, (now, i64::from(limit))).await
}

/// Makes the order one's own, as the attempt after `attempt`. False if somebody else works on it.
pub(crate) async fn take_over(
    tx: &mut Tx<'_>,
    id: OrderId,
    attempt: i64,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE orders SET attempt = attempt + 1, lease_until = $4 WHERE id = $1 AND attempt = $2 AND lease_until <= $3"
    );
    Ok(tx.execute(sql, (id, attempt, now, lease_until)).await? == 1)
}

/// Leaves an order that is under way to whoever looks for it after `from`. False if it was taken over, or has ended.
pub(crate) async fn hand_over(
    tx: &mut Tx<'_>,
    id: OrderId,
    attempt: i64,
    from: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!("UPDATE orders SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND lease_until IS NOT NULL");
    Ok(tx.execute(sql, (id, attempt, from)).await? == 1)
}

/// Confirms a pending order. False if it was taken over.
pub(crate) async fn confirm(tx: &mut Tx<'_>, under: &Under) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE orders SET status = 'confirmed', lease_until = $3, updated_at = $4 \
         WHERE id = $1 AND attempt = $2 AND status = 'pending'"
    );
    let values = (under.id, under.attempt, under.lease_until, under.now);
    Ok(tx.execute(sql, values).await? == 1)
}

/// Notes that an order has failed. False if it was taken over.
pub(crate) async fn fail(tx: &mut Tx<'_>, under: &Under, reason: &FailureReason) -> Result<bool, CallFailure> {
    let reason = serde_json::to_string(reason)
        .map_err(|error| CallFailure::internal("the reason of a failure does not serialize").caused_by(error))?;
    let sql = sql!(
        "UPDATE orders SET status = 'failed', failure = $3, lease_until = $4, updated_at = $5 \
         WHERE id = $1 AND attempt = $2 AND status IN ('pending', 'confirmed')"
    );
    let values = (under.id, under.attempt, reason, under.lease_until, under.now);
    Ok(tx.execute(sql, values).await? == 1)
}

/// Nothing is open any more. False if the order was taken over.
pub(crate) async fn end(tx: &mut Tx<'_>, under: &Under) -> Result<bool, CallFailure> {
    let sql = sql!("UPDATE orders SET lease_until = $3, updated_at = $4 WHERE id = $1 AND attempt = $2");
    let values = (under.id, under.attempt, under.lease_until, under.now);
    Ok(tx.execute(sql, values).await? == 1)
}

/// Decides that goods come back, as the attempt after `attempt`. False if the order has changed or is under way.
pub(crate) async fn take_back(
    tx: &mut Tx<'_>,
    id: OrderId,
    attempt: i64,
    status: OrderStatus,
    back: &Return,
    lease_until: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE orders SET status = $3, refunded = refunded + $4, attempt = attempt + 1, lease_until = $5, updated_at = $6 \
         WHERE id = $1 AND attempt = $2 AND status = 'confirmed' AND lease_until IS NULL"
    );
    let values = (
        id,
        attempt,
        status.as_str(),
        back.refund.ten_thousandths(),
        lease_until,
        back.at,
    );
    Ok(tx.execute(sql, values).await? == 1)
}

/// Writes a return down and counts its units in the lines, in the order of the lines.
pub(crate) async fn add_return(
    tx: &mut Tx<'_>,
    id: OrderId,
    back: &Return,
    key: Option<&CallKey>,
) -> Result<(), CallFailure> {
    let lines =
        serde_json::to_string(&back.lines).map_err(|error| damaged("a return that is no JSON").caused_by(error))?;
    let sql = sql!(
        "INSERT INTO returns (order_id, number, lines, refund, cancellation, request, request_arguments, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    let values = (
        id,
        i64::from(back.number),
        lines,
        back.refund.ten_thousandths(),
        back.cancellation,
        key.map(CallKey::scope),
        key.map(CallKey::arguments),
        back.at,
    );
    tx.execute(sql, values).await?;
    for line in &back.lines {
        let sql = sql!("UPDATE order_lines SET returned = returned + $3 WHERE order_id = $1 AND number = $2");
        tx.execute(sql, (id, i64::from(line.line), i64::from(line.quantity)))
            .await?;
    }
    Ok(())
}

/// The arguments of the call under this key that has sent goods back.
pub(crate) async fn returned_under(db: &mut Queries, key: &CallKey) -> Result<Option<Vec<u8>>, CallFailure> {
    let sql = sql!("SELECT request_arguments FROM returns WHERE request = $1");
    let row: Option<(Vec<u8>,)> = db.fetch_optional(sql, (key.scope(),)).await?;
    Ok(row.map(|(arguments,)| arguments))
}
