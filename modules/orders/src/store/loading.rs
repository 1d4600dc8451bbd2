//! Loads whole orders, any number of orders in three statements.

use std::collections::HashMap;

use carts_api::CartId;
use catalog_api::ProductId;
use offshoot_contract::{CallFailure, Currency, Money, Timestamp};
use offshoot_db::{List, Name, Queries, sql};
use orders_api::OrderId;
use orders_api::v1::{OrderStatus, Return};
use uuid::Uuid;

use crate::domain::{AnyOrder, Order, OrderLine, RecordedLine, RecordedSale};
use crate::store::{damaged, to_u32};

offshoot_db::row! {
    struct OrderRow {
        id: OrderId,
        status: Name<OrderStatus>,
        failure: Option<String>,
        number: Option<String>,
        cart_id: Option<CartId>,
        customer: String,
        country: String,
        currency: Currency,
        total: i64,
        refunded: i64,
        placed_at: Timestamp,
        updated_at: Timestamp,
        /// Step names separated by blanks.
        open_steps: Option<String>,
    }
}

offshoot_db::row! {
    struct LineRow {
        order_id: OrderId,
        number: i64,
        product_id: Option<ProductId>,
        sku: String,
        name: String,
        quantity: i64,
        unit_price: i64,
        returned: i64,
    }
}

offshoot_db::row! {
    struct ReturnRow {
        order_id: OrderId,
        number: i64,
        lines: String,
        refund: i64,
        cancellation: bool,
        at: Timestamp,
    }
}

/// Ids of orders before `before`, of one customer or of all, the newest first.
pub(crate) async fn list_ids(
    db: &mut Queries,
    customer: Option<&str>,
    before: Option<OrderId>,
    limit: u32,
) -> Result<Vec<OrderId>, CallFailure> {
    let before = before.unwrap_or(OrderId::from_uuid(Uuid::max()));
    let rows: Vec<(OrderId,)> = match customer {
        Some(customer) => {
            let sql = sql!("SELECT id FROM orders WHERE customer = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
            db.fetch_all(sql, (customer, before, i64::from(limit))).await?
        }
        None => {
            let sql = sql!("SELECT id FROM orders WHERE id < $1 ORDER BY id DESC LIMIT $2");
            db.fetch_all(sql, (before, i64::from(limit))).await?
        }
    };
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Loads one order.
pub(crate) async fn load_one(db: &mut Queries, id: OrderId) -> Result<Option<AnyOrder>, CallFailure> {
    Ok(load_many(db, &[id]).await?.pop())
}

/// Loads the order of a checkout. None for an unknown id, and for a recorded sale.
pub(crate) async fn load_placed(db: &mut Queries, id: OrderId) -> Result<Option<Order>, CallFailure> {
    Ok(load_one(db, id).await?.and_then(AnyOrder::into_placed))
}

/// Loads the orders with these ids, in no particular order; leaves out unknown ids.
///
/// One statement reads status and open steps: a caller that waits for an order must not see a pending order without
/// open steps.
pub(crate) async fn load_many(db: &mut Queries, ids: &[OrderId]) -> Result<Vec<AnyOrder>, CallFailure> {
    let ids = List(ids.to_vec());
    let sql = sql!(
        sqlite: "SELECT id, status, failure, number, cart_id, customer, country, currency, total, refunded, placed_at, \
                 updated_at, open_steps FROM orders WHERE id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "SELECT id, status, failure, number, cart_id, customer, country, currency, total, refunded, placed_at, \
                   updated_at, open_steps FROM orders WHERE id = ANY($1)",
    );
    let rows: Vec<OrderRow> = db.fetch_all(sql, (ids.clone(),)).await?;
    let mut lines = group_by_order(load_lines(db, ids.clone()).await?, |line| line.order_id);
    let mut returns = group_by_order(load_returns(db, ids).await?, |each| each.order_id);
    let assemble = |row: OrderRow| {
        let (lines, returns) = (lines.remove(&row.id), returns.remove(&row.id));
        build_order(row, lines.unwrap_or_default(), returns.unwrap_or_default())
    };
    rows.into_iter().map(assemble).collect()
}

fn group_by_order<T>(rows: Vec<T>, id: impl Fn(&T) -> OrderId) -> HashMap<OrderId, Vec<T>> {
    let mut groups: HashMap<_, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(id(&row)).or_default().push(row);
    }
    groups
}

async fn load_lines(db: &mut Queries, ids: List<OrderId>) -> Result<Vec<LineRow>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT order_id, number, product_id, sku, name, quantity, unit_price, returned FROM order_lines \
                 WHERE order_id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY order_id, number",
        postgres: "SELECT order_id, number, product_id, sku, name, quantity, unit_price, returned FROM order_lines \
                   WHERE order_id = ANY($1) ORDER BY order_id, number",
    );
    db.fetch_all(sql, (ids,)).await
}

async fn load_returns(db: &mut Queries, ids: List<OrderId>) -> Result<Vec<ReturnRow>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT order_id, number, lines, refund, cancellation, at FROM returns \
                 WHERE order_id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY order_id, number",
        postgres: "SELECT order_id, number, lines, refund, cancellation, at FROM returns \
                   WHERE order_id = ANY($1) ORDER BY order_id, number",
    );
    db.fetch_all(sql, (ids,)).await
}

fn build_order(row: OrderRow, lines: Vec<LineRow>, returns: Vec<ReturnRow>) -> Result<AnyOrder, CallFailure> {
    match (row.cart_id, row.number.clone()) {
        (Some(cart_id), None) => Ok(AnyOrder::Placed(build_placed(row, cart_id, lines, returns)?)),
        (None, Some(number)) => Ok(AnyOrder::Recorded(build_recorded(row, number, lines)?)),
        _ => Err(damaged("an order that is neither of a cart nor a recorded sale")),
    }
}

fn build_placed(
    row: OrderRow,
    cart_id: CartId,
    lines: Vec<LineRow>,
    returns: Vec<ReturnRow>,
) -> Result<Order, CallFailure> {
    let currency = row.currency;
    let line = |line: LineRow| {
        let product_id = line.product_id;
        let (unit_price, line_total) = prices(&line, currency)?;
        Ok(OrderLine {
            number: to_u32(line.number)?,
            product_id: product_id.ok_or_else(|| damaged("a line of a cart without a product"))?,
            sku: line.sku,
            name: line.name,
            quantity: to_u32(line.quantity)?,
            returned: to_u32(line.returned)?,
            unit_price,
            line_total,
        })
    };
    let order_return = |row: ReturnRow| {
        Ok(Return {
            number: to_u32(row.number)?,
            lines: parse_json(&row.lines)?,
            refund: Money::new(row.refund, currency),
            cancellation: row.cancellation,
            at: row.at,
        })
    };
    Ok(Order {
        id: row.id,
        cart_id,
        status: row.status.0,
        failure: row.failure.as_deref().map(parse_json).transpose()?,
        customer: row.customer,
        country: row.country,
        lines: lines.into_iter().map(line).collect::<Result<_, CallFailure>>()?,
        total: Money::new(row.total, currency),
        refunded: Money::new(row.refunded, currency),
        returns: returns
            .into_iter()
            .map(order_return)
            .collect::<Result<_, CallFailure>>()?,
        open_steps: row
            .open_steps
            .map(|names| names.split(' ').map(str::to_owned).collect())
            .unwrap_or_default(),
        placed_at: row.placed_at,
        updated_at: row.updated_at,
    })
}

fn build_recorded(row: OrderRow, number: String, lines: Vec<LineRow>) -> Result<RecordedSale, CallFailure> {
    let currency = row.currency;
    let line = |line: LineRow| {
        let (unit_price, line_total) = prices(&line, currency)?;
        Ok(RecordedLine {
            number: to_u32(line.number)?,
            product_id: line.product_id,
            sku: line.sku,
            name: line.name,
            quantity: line.quantity,
            unit_price,
            line_total,
        })
    };
    Ok(RecordedSale {
        id: row.id,
        number,
        customer: row.customer,
        country: row.country,
        lines: lines.into_iter().map(line).collect::<Result<_, CallFailure>>()?,
        total: Money::new(row.total, currency),
        placed_at: row.placed_at,
        recorded_at: row.updated_at,
    })
}

/// Unit price and total of a line.
fn prices(line: &LineRow, currency: Currency) -> Result<(Money, Money), CallFailure> {
    let unit_price = Money::new(line.unit_price, currency);
    let line_total = unit_price
        .checked_mul(line.quantity)
        .map_err(|error| damaged("an order line out of the range of an amount").caused_by(error))?;
    Ok((unit_price, line_total))
}

fn parse_json<T: serde::de::DeserializeOwned>(stored: &str) -> Result<T, CallFailure> {
    serde_json::from_str(stored).map_err(|error| damaged("a text that is not the expected JSON").caused_by(error))
}
