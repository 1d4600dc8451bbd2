//! Changes of one order. The saga log decides in the same transaction which execution may write an order.

use carts_api::CartId;
use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{CallKey, Name, Queries, Tx, sql};
use offshoot_saga::Transition;
use orders_api::OrderId;
use orders_api::v1::{FailureReason, Return};

use crate::domain::Order;
use crate::store::{damaged, to_u32};

/// The order of an earlier call under the same idempotency key.
pub(crate) struct KeyedOrder {
    id: OrderId,
    arguments_hash: Vec<u8>,
}

impl KeyedOrder {
    /// The order's id. Fails if the earlier call had other arguments.
    pub(crate) fn id_for_same_arguments(&self, key: &CallKey) -> Result<OrderId, CallFailure> {
        key.require_same(&self.arguments_hash).map(|()| self.id)
    }
}

/// Inserts a new order with its lines. Returns false if the cart or the key has an order already.
pub(crate) async fn insert_order(tx: &mut Tx<'_>, order: &Order, key: Option<&CallKey>) -> Result<bool, CallFailure> {
    let sql = sql!(
        "INSERT INTO orders (id, status, cart_id, customer, country, currency, total, refunded, request, \
         request_arguments, attempt, open_steps, placed_at, updated_at) \
         VALUES ($1, 'pending', $2, $3, $4, $5, $6, 0, $7, $8, 0, $9, $10, $10) ON CONFLICT DO NOTHING"
    );
    let values = (
        order.id,
        order.cart_id,
        order.customer.as_str(),
        order.country.as_str(),
        order.total.currency(),
        order.total.ten_thousandths(),
        key.map(CallKey::scope),
        key.map(CallKey::arguments),
        joined_steps(&order.open_steps),
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
            i64::from(line.quantity),
            line.unit_price.ten_thousandths(),
            0_i64,
        )
    });
    tx.insert_many(sql, rows).await?;
    Ok(true)
}

/// The order of an earlier call under this key.
pub(crate) async fn order_by_key(db: &mut Queries, key: &CallKey) -> Result<Option<KeyedOrder>, CallFailure> {
    let sql = sql!("SELECT id, request_arguments FROM orders WHERE request = $1");
    let row: Option<(OrderId, Vec<u8>)> = db.fetch_optional(sql, (key.scope(),)).await?;
    Ok(row.map(|(id, arguments_hash)| KeyedOrder { id, arguments_hash }))
}

/// The order of a cart. Ignores failed orders.
pub(crate) async fn order_of_cart(db: &mut Queries, cart_id: CartId) -> Result<Option<OrderId>, CallFailure> {
    let sql = sql!("SELECT id FROM orders WHERE cart_id = $1 AND status <> 'failed'");
    let row: Option<(OrderId,)> = db.fetch_optional(sql, (cart_id,)).await?;
    Ok(row.map(|(id,)| id))
}

/// Confirms a pending order.
pub(crate) async fn confirm(tx: &mut Tx<'_>, id: OrderId, transition: &Transition) -> Result<(), CallFailure> {
    let sql = sql!(
        "UPDATE orders SET status = 'confirmed', open_steps = $2, updated_at = $3 WHERE id = $1 AND status = 'pending'"
    );
    let values = (id, joined_steps(&transition.open_steps), transition.at);
    require_one_row(id, tx.execute(sql, values).await?)
}

/// Fails a pending or confirmed order.
pub(crate) async fn fail(
    tx: &mut Tx<'_>,
    id: OrderId,
    reason: &FailureReason,
    transition: &Transition,
) -> Result<(), CallFailure> {
    let reason = serde_json::to_string(reason).map_err(|error| {
        CallFailure::internal("the failure reason of an order does not serialize to JSON").caused_by(error)
    })?;
    let sql = sql!(
        "UPDATE orders SET status = 'failed', failure = $2, open_steps = $3, updated_at = $4 \
         WHERE id = $1 AND status IN ('pending', 'confirmed')"
    );
    let values = (id, reason, joined_steps(&transition.open_steps), transition.at);
    require_one_row(id, tx.execute(sql, values).await?)
}

/// Clears the open steps.
pub(crate) async fn close(tx: &mut Tx<'_>, id: OrderId, at: Timestamp) -> Result<(), CallFailure> {
    let sql = sql!("UPDATE orders SET open_steps = NULL, updated_at = $2 WHERE id = $1");
    require_one_row(id, tx.execute(sql, (id, at)).await?)
}

/// Only the holder of the saga's lease changes an order, so the update must have changed one row.
fn require_one_row(id: OrderId, rows: u64) -> Result<(), CallFailure> {
    if rows == 1 {
        return Ok(());
    }
    Err(CallFailure::internal(format!(
        "the status of {id} does not fit the log of its saga"
    )))
}

/// Step names as stored: separated by blanks; NULL if no step is open.
fn joined_steps(steps: &[String]) -> Option<String> {
    (!steps.is_empty()).then(|| steps.join(" "))
}

/// Writes status, refund and open steps of a return to the order. Returns false if the order is no longer confirmed.
pub(crate) async fn apply_return(tx: &mut Tx<'_>, order: &Order, new_return: &Return) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE orders SET status = $2, refunded = refunded + $3, open_steps = $4, updated_at = $5 \
         WHERE id = $1 AND status = 'confirmed'"
    );
    let values = (
        order.id,
        Name(order.status),
        new_return.refund.ten_thousandths(),
        joined_steps(&order.open_steps),
        new_return.at,
    );
    Ok(tx.execute(sql, values).await? == 1)
}

/// Number of returns of an order. Read before the order, the number reveals a return that was committed while the order
/// was read: on Postgres each statement sees all earlier commits.
pub(crate) async fn count_returns(db: &mut Queries, id: OrderId) -> Result<usize, CallFailure> {
    let sql = sql!("SELECT count(*) FROM returns WHERE order_id = $1");
    let (count,): (i64,) = db.fetch_one(sql, (id,)).await?;
    usize::try_from(count).map_err(|error| damaged("a count below zero").caused_by(error))
}

/// Inserts a return and adds its units to the order's lines. Returns false if the number is taken, because another
/// return was committed since the order was read.
pub(crate) async fn insert_return(
    tx: &mut Tx<'_>,
    id: OrderId,
    new_return: &Return,
    key: Option<&CallKey>,
) -> Result<bool, CallFailure> {
    let lines = serde_json::to_string(&new_return.lines)
        .map_err(|error| CallFailure::internal("the lines of a return do not serialize to JSON").caused_by(error))?;
    let sql = sql!(
        "INSERT INTO returns (order_id, number, lines, refund, cancellation, request, request_arguments, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (order_id, number) DO NOTHING"
    );
    let values = (
        id,
        i64::from(new_return.number),
        lines,
        new_return.refund.ten_thousandths(),
        new_return.cancellation,
        key.map(CallKey::scope),
        key.map(CallKey::arguments),
        new_return.at,
    );
    if tx.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    for line in &new_return.lines {
        let sql = sql!("UPDATE order_lines SET returned = returned + $3 WHERE order_id = $1 AND number = $2");
        tx.execute(sql, (id, i64::from(line.line), i64::from(line.quantity)))
            .await?;
    }
    Ok(true)
}

/// The return of an earlier call under the same idempotency key.
pub(crate) struct KeyedReturn {
    number: u32,
    arguments_hash: Vec<u8>,
}

impl KeyedReturn {
    /// The return's number. Fails if the earlier call had other arguments.
    pub(crate) fn number_for_same_arguments(&self, key: &CallKey) -> Result<u32, CallFailure> {
        key.require_same(&self.arguments_hash).map(|()| self.number)
    }
}

/// The return of an earlier call under this key.
pub(crate) async fn return_by_key(db: &mut Queries, key: &CallKey) -> Result<Option<KeyedReturn>, CallFailure> {
    let sql = sql!("SELECT number, request_arguments FROM returns WHERE request = $1");
    let row: Option<(i64, Vec<u8>)> = db.fetch_optional(sql, (key.scope(),)).await?;
    row.map(|(number, arguments_hash)| {
        let number = to_u32(number)?;
        Ok(KeyedReturn { number, arguments_hash })
    })
    .transpose()
}
