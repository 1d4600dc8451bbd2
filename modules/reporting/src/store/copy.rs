//! Orders and their lines, as they are copied. SQL only.

use std::collections::BTreeSet;

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Tx, sql};
use orders_api::OrderId;
use orders_api::v1::{OrderNews, OrderStatus};

use crate::counting::Counted;

/// Id, month, country, status, currency, credit, units, gross, refunded, placed at, position.
pub(crate) type OrderRow = (
    OrderId,
    String,
    String,
    String,
    String,
    bool,
    i64,
    i64,
    i64,
    Timestamp,
    i64,
);
/// Order, number, SKU, order count, units, gross, refunded, position.
pub(crate) type LineRow = (OrderId, i64, String, i64, i64, i64, i64, i64);

pub(crate) fn order_row(order: &OrderNews, counted: &Counted, position: i64) -> OrderRow {
    // A time begins with its year and month, in UTC.
    let month = order.placed_at.to_string().chars().take(7).collect();
    (
        order.order_id,
        month,
        order.country.clone(),
        order.status.as_str().to_owned(),
        order.total.currency().to_string(),
        counted.is_credit,
        counted.sum.units,
        counted.sum.gross,
        counted.sum.refunded,
        order.placed_at,
        position,
    )
}

pub(crate) fn line_rows(order: &OrderNews, counted: &Counted, position: i64) -> Vec<LineRow> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(order.lines.len());
    for (number, (line, amounts)) in (1..).zip(order.lines.iter().zip(&counted.lines)) {
        let stands_for_order = seen.insert(line.sku.as_str()) && !counted.is_credit;
        rows.push((
            order.order_id,
            number,
            line.sku.clone(),
            i64::from(stands_for_order),
            amounts.units,
            amounts.gross,
            amounts.refunded,
            position,
        ));
    }
    rows
}

/// Writes orders as they are at these positions. What is there of a later one stays.
pub(crate) async fn put_orders(tx: &mut Tx<'_>, rows: Vec<OrderRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO orders_copy (order_id, month, country, status, currency, credit, units, gross, refunded, placed_at, \
         position) VALUES $rows ON CONFLICT (order_id) DO UPDATE SET month = excluded.month, \
         country = excluded.country, status = excluded.status, currency = excluded.currency, credit = excluded.credit, \
         units = excluded.units, gross = excluded.gross, refunded = excluded.refunded, \
         placed_at = excluded.placed_at, position = excluded.position \
         WHERE orders_copy.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

/// The same of their lines. An order keeps the lines that it was placed with, so none has to be taken away.
pub(crate) async fn put_lines(tx: &mut Tx<'_>, rows: Vec<LineRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO lines_copy (order_id, number, sku, order_count, units, gross, refunded, position) VALUES $rows \
         ON CONFLICT (order_id, number) DO UPDATE SET sku = excluded.sku, order_count = excluded.order_count, \
         units = excluded.units, gross = excluded.gross, refunded = excluded.refunded, position = excluded.position \
         WHERE lines_copy.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

pub(crate) async fn clear(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM lines_copy"), ()).await?;
    tx.execute(sql!("DELETE FROM orders_copy"), ()).await.map(drop)
}

/// The schema checks what is stored, so a failure means that it was bypassed.
pub(crate) fn status(text: &str) -> Result<OrderStatus, CallFailure> {
    let all = [
        OrderStatus::Pending,
        OrderStatus::Confirmed,
        OrderStatus::Failed,
        OrderStatus::Cancelled,
    ];
    let known = all.into_iter().find(|status| status.as_str() == text);
    known.ok_or_else(|| CallFailure::internal("the reporting's database holds an order without a status"))
}
