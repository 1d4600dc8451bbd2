//! SQL that writes projected orders and order lines.

use std::collections::BTreeSet;

use offshoot_contract::{CallFailure, Currency, Named as _, Timestamp};
use offshoot_db::{Name, Tx, sql};
use orders_api::OrderId;
use orders_api::v1::{OrderSnapshot, OrderStatus};

use crate::counting::CountedOrder;

/// Columns: id, month, country, status, currency, credit, units, gross, refunded, placed at, position.
pub(crate) type OrderRow = (
    OrderId,
    String,
    String,
    Name<OrderStatus>,
    Currency,
    bool,
    i64,
    i64,
    i64,
    Timestamp,
    i64,
);
/// Columns: order id, number, SKU, order count, units, gross, refunded, position.
pub(crate) type LineRow = (OrderId, i64, String, i64, i64, i64, i64, i64);

pub(crate) fn order_row(order: &OrderSnapshot, counted: &CountedOrder, position: i64) -> OrderRow {
    // The text of a time begins with year and month in UTC, such as `2011-11`.
    let month = order.placed_at.to_string().chars().take(7).collect();
    (
        order.order_id,
        month,
        order.country.clone(),
        Name(order.status),
        order.total.currency(),
        counted.is_credit,
        counted.sum.units,
        counted.sum.gross,
        counted.sum.refunded,
        order.placed_at,
        position,
    )
}

pub(crate) fn line_rows(order: &OrderSnapshot, counted: &CountedOrder, position: i64) -> Vec<LineRow> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(order.lines.len());
    for (number, (line, amounts)) in (1..).zip(order.lines.iter().zip(&counted.lines)) {
        let counts_order = seen.insert(line.sku.as_str()) && !counted.is_credit;
        rows.push((
            order.order_id,
            number,
            line.sku.clone(),
            i64::from(counts_order),
            amounts.units,
            amounts.gross,
            amounts.refunded,
            position,
        ));
    }
    rows
}

/// Inserts or updates orders. A row from the same or a later log position is left unchanged.
pub(crate) async fn upsert_orders(tx: &mut Tx<'_>, rows: Vec<OrderRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO projected_orders (order_id, month, country, status, currency, credit, units, gross, refunded, placed_at, \
         position) VALUES $rows ON CONFLICT (order_id) DO UPDATE SET month = excluded.month, \
         country = excluded.country, status = excluded.status, currency = excluded.currency, credit = excluded.credit, \
         units = excluded.units, gross = excluded.gross, refunded = excluded.refunded, \
         placed_at = excluded.placed_at, position = excluded.position \
         WHERE projected_orders.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

/// Inserts or updates order lines, like [`upsert_orders`]. The lines of an order never change after placement, so no
/// lines need to be deleted.
pub(crate) async fn upsert_lines(tx: &mut Tx<'_>, rows: Vec<LineRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO projected_order_lines (order_id, number, sku, order_count, units, gross, refunded, position) VALUES $rows \
         ON CONFLICT (order_id, number) DO UPDATE SET sku = excluded.sku, order_count = excluded.order_count, \
         units = excluded.units, gross = excluded.gross, refunded = excluded.refunded, position = excluded.position \
         WHERE projected_order_lines.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

pub(crate) async fn clear(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM projected_order_lines"), ()).await?;
    tx.execute(sql!("DELETE FROM projected_orders"), ()).await.map(drop)
}

/// Parses a stored status. The schema checks the column, so a failure means that somebody bypassed the schema.
pub(crate) fn parse_status(text: &str) -> Result<OrderStatus, CallFailure> {
    OrderStatus::from_name(text)
        .ok_or_else(|| CallFailure::internal("the reporting database contains an order with an unknown status"))
}
