//! The life of one order. Who may write it, its saga's log says, in the same transaction.

use carts_api::CartId;
use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{CallKey, Queries, Tx, sql};
use offshoot_saga::Entry;
use orders_api::OrderId;
use orders_api::v1::{FailureReason, Order, Return};

use super::{damaged, number};

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
pub(crate) async fn place(tx: &mut Tx<'_>, order: &Order, key: Option<&CallKey>) -> Result<bool, CallFailure> {
    let sql = sql!(
        "INSERT INTO orders (id, status, cart_id, customer, country, currency, total, refunded, request, \
         request_arguments, attempt, open_steps, placed_at, updated_at) \
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
        names(&order.open_steps),
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

/// Confirms a pending order.
pub(crate) async fn confirm(tx: &mut Tx<'_>, id: OrderId, entry: &Entry) -> Result<(), CallFailure> {
    let sql = sql!(
        "UPDATE orders SET status = 'confirmed', open_steps = $2, updated_at = $3 WHERE id = $1 AND status = 'pending'"
    );
    changed(id, tx.execute(sql, (id, names(&entry.open), entry.at)).await?)
}

/// Notes that an order has failed.
pub(crate) async fn fail(
    tx: &mut Tx<'_>,
    id: OrderId,
    reason: &FailureReason,
    entry: &Entry,
) -> Result<(), CallFailure> {
    let reason = serde_json::to_string(reason)
        .map_err(|error| CallFailure::internal("the reason of a failure does not serialize").caused_by(error))?;
    let sql = sql!(
        "UPDATE orders SET status = 'failed', failure = $2, open_steps = $3, updated_at = $4 \
         WHERE id = $1 AND status IN ('pending', 'confirmed')"
    );
    changed(id, tx.execute(sql, (id, reason, names(&entry.open), entry.at)).await?)
}

/// Nothing is open any more.
pub(crate) async fn close(tx: &mut Tx<'_>, id: OrderId, at: Timestamp) -> Result<(), CallFailure> {
    let sql = sql!("UPDATE orders SET open_steps = NULL, updated_at = $2 WHERE id = $1");
    changed(id, tx.execute(sql, (id, at)).await?)
}

/// Whose saga has the lease, nobody else changes.
fn changed(id: OrderId, rows: u64) -> Result<(), CallFailure> {
    if rows == 1 {
        return Ok(());
    }
    Err(CallFailure::internal(format!(
        "{id} is not where the log of its saga says"
    )))
}

/// As they are stored: none for none.
fn names(open: &[String]) -> Option<String> {
    (!open.is_empty()).then(|| open.join(" "))
}

/// Decides that goods come back. False if the order has changed meanwhile.
pub(crate) async fn take_back(tx: &mut Tx<'_>, order: &Order, back: &Return) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE orders SET status = $2, refunded = refunded + $3, open_steps = $4, updated_at = $5 \
         WHERE id = $1 AND status = 'confirmed'"
    );
    let values = (
        order.id,
        order.status.as_str(),
        back.refund.ten_thousandths(),
        names(&order.open_steps),
        back.at,
    );
    Ok(tx.execute(sql, values).await? == 1)
}

/// How often something has come back of an order. Read before the order, it tells whether that was read while another
/// return was decided: on Postgres each of its statements sees what was committed before it.
pub(crate) async fn returns_so_far(db: &mut Queries, id: OrderId) -> Result<usize, CallFailure> {
    let sql = sql!("SELECT count(*) FROM returns WHERE order_id = $1");
    let (count,): (i64,) = db.fetch_one(sql, (id,)).await?;
    usize::try_from(count).map_err(|error| damaged("a count below zero").caused_by(error))
}

/// Writes a return down and counts its units in the lines, in the order of the lines. False if its number is taken:
/// something else has come back since the order was read.
pub(crate) async fn add_return(
    tx: &mut Tx<'_>,
    id: OrderId,
    back: &Return,
    key: Option<&CallKey>,
) -> Result<bool, CallFailure> {
    let lines =
        serde_json::to_string(&back.lines).map_err(|error| damaged("a return that is no JSON").caused_by(error))?;
    let sql = sql!(
        "INSERT INTO returns (order_id, number, lines, refund, cancellation, request, request_arguments, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (order_id, number) DO NOTHING"
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
    if tx.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    for line in &back.lines {
        let sql = sql!("UPDATE order_lines SET returned = returned + $3 WHERE order_id = $1 AND number = $2");
        tx.execute(sql, (id, i64::from(line.line), i64::from(line.quantity)))
            .await?;
    }
    Ok(true)
}

/// The return that a call has decided.
pub(crate) struct DecidedReturn {
    number: u32,
    arguments: Vec<u8>,
}

impl DecidedReturn {
    /// Fails if that call had other arguments.
    pub(crate) fn number_of_same(&self, key: &CallKey) -> Result<u32, CallFailure> {
        key.require_same(&self.arguments).map(|()| self.number)
    }
}

/// The return that a call under this key has decided.
pub(crate) async fn returned_under(db: &mut Queries, key: &CallKey) -> Result<Option<DecidedReturn>, CallFailure> {
    let sql = sql!("SELECT number, request_arguments FROM returns WHERE request = $1");
    let row: Option<(i64, Vec<u8>)> = db.fetch_optional(sql, (key.scope(),)).await?;
    row.map(|(stored, arguments)| {
        let number = number(stored)?;
        Ok(DecidedReturn { number, arguments })
    })
    .transpose()
}
