//! Whole orders, read in three statements however many they are.

use std::collections::HashMap;

use carts_api::CartId;
use catalog_api::ProductId;
use offshoot_contract::{CallFailure, Money, Timestamp};
use offshoot_db::{List, Queries, sql};
use orders_api::OrderId;
use orders_api::v1::{Order, OrderLine, OrderStatus, Return};
use uuid::Uuid;

use super::{currency, damaged, number};

#[derive(sqlx::FromRow)]
struct OrderRow {
    id: OrderId,
    status: String,
    failure: Option<String>,
    number: Option<String>,
    cart_id: Option<CartId>,
    customer: String,
    country: String,
    currency: String,
    total: i64,
    refunded: i64,
    placed_at: Timestamp,
    updated_at: Timestamp,
    /// Their names with blanks between them.
    open_steps: Option<String>,
}

#[derive(sqlx::FromRow)]
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

#[derive(sqlx::FromRow)]
struct ReturnRow {
    order_id: OrderId,
    number: i64,
    lines: String,
    refund: i64,
    cancellation: bool,
    at: Timestamp,
}

/// The ids of the orders before `before`, of one customer or of all, the newest first.
pub(crate) async fn ids(
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

/// One order.
pub(crate) async fn one(db: &mut Queries, id: OrderId) -> Result<Option<Order>, CallFailure> {
    Ok(many(db, &[id]).await?.pop())
}

/// The orders with these ids, in no order; those that are unknown are left out.
///
/// Status and open steps are read at one moment: who waits for an order must not see it without steps that is undecided.
pub(crate) async fn many(db: &mut Queries, ids: &[OrderId]) -> Result<Vec<Order>, CallFailure> {
    let ids = List(ids.to_vec());
    let sql = sql!(
        sqlite: "SELECT id, status, failure, number, cart_id, customer, country, currency, total, refunded, placed_at, \
                 updated_at, open_steps FROM orders WHERE id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "SELECT id, status, failure, number, cart_id, customer, country, currency, total, refunded, placed_at, \
                   updated_at, open_steps FROM orders WHERE id = ANY($1)",
    );
    let rows: Vec<OrderRow> = db.fetch_all(sql, (ids.clone(),)).await?;
    let mut lines = by_order(lines(db, ids.clone()).await?, |line| line.order_id);
    let mut returns = by_order(returns(db, ids).await?, |back| back.order_id);
    let whole = |row: OrderRow| {
        let (lines, returns) = (lines.remove(&row.id), returns.remove(&row.id));
        order(row, lines.unwrap_or_default(), returns.unwrap_or_default())
    };
    rows.into_iter().map(whole).collect()
}

fn by_order<T>(rows: Vec<T>, id: impl Fn(&T) -> OrderId) -> HashMap<OrderId, Vec<T>> {
    let mut groups: HashMap<_, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(id(&row)).or_default().push(row);
    }
    groups
}

async fn lines(db: &mut Queries, ids: List<OrderId>) -> Result<Vec<LineRow>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT order_id, number, product_id, sku, name, quantity, unit_price, returned FROM order_lines \
                 WHERE order_id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY order_id, number",
        postgres: "SELECT order_id, number, product_id, sku, name, quantity, unit_price, returned FROM order_lines \
                   WHERE order_id = ANY($1) ORDER BY order_id, number",
    );
    db.fetch_all(sql, (ids,)).await
}

async fn returns(db: &mut Queries, ids: List<OrderId>) -> Result<Vec<ReturnRow>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT order_id, number, lines, refund, cancellation, at FROM returns \
                 WHERE order_id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY order_id, number",
        postgres: "SELECT order_id, number, lines, refund, cancellation, at FROM returns \
                   WHERE order_id = ANY($1) ORDER BY order_id, number",
    );
    db.fetch_all(sql, (ids,)).await
}

fn order(row: OrderRow, lines: Vec<LineRow>, returns: Vec<ReturnRow>) -> Result<Order, CallFailure> {
    let currency = currency(&row.currency)?;
    let line = |line: LineRow| {
        let unit_price = Money::new(line.unit_price, currency);
        Ok(OrderLine {
            number: number(line.number)?,
            product_id: line.product_id,
            sku: line.sku,
            name: line.name,
            quantity: line.quantity,
            returned: line.returned,
            unit_price,
            line_total: unit_price
                .checked_mul(line.quantity)
                .map_err(|error| damaged("a line that costs too much").caused_by(error))?,
        })
    };
    let back = |back: ReturnRow| {
        Ok(Return {
            number: number(back.number)?,
            lines: json(&back.lines)?,
            refund: Money::new(back.refund, currency),
            cancellation: back.cancellation,
            at: back.at,
        })
    };
    Ok(Order {
        id: row.id,
        status: status(&row.status)?,
        failure: row.failure.as_deref().map(json).transpose()?,
        number: row.number,
        cart_id: row.cart_id,
        customer: row.customer,
        country: row.country,
        lines: lines.into_iter().map(line).collect::<Result<_, CallFailure>>()?,
        total: Money::new(row.total, currency),
        refunded: Money::new(row.refunded, currency),
        returns: returns.into_iter().map(back).collect::<Result<_, CallFailure>>()?,
        open_steps: row
            .open_steps
            .map(|names| names.split(' ').map(str::to_owned).collect())
            .unwrap_or_default(),
        placed_at: row.placed_at,
        updated_at: row.updated_at,
    })
}

fn status(stored: &str) -> Result<OrderStatus, CallFailure> {
    let all = [
        OrderStatus::Pending,
        OrderStatus::Confirmed,
        OrderStatus::Failed,
        OrderStatus::Cancelled,
    ];
    let status = all.into_iter().find(|status| status.as_str() == stored);
    status.ok_or_else(|| damaged("an order without a status"))
}

fn json<T: serde::de::DeserializeOwned>(stored: &str) -> Result<T, CallFailure> {
    serde_json::from_str(stored).map_err(|error| damaged("a text that is not the JSON it should be").caused_by(error))
}
