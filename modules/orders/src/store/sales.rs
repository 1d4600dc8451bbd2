//! SQL of recorded sales, many sales in one statement.

use std::collections::HashMap;

use offshoot_contract::{CallFailure, Currency, Money, Timestamp};
use offshoot_db::{List, Name, Queries, Tx, sql};
use orders_api::OrderId;
use orders_api::v1::{OrderStatus, SaleKind};

use crate::sales::{AcceptedSale, KnownSale};

/// Inserts the sales with unknown numbers, without lines.
pub(crate) async fn insert_sales(tx: &mut Tx<'_>, sales: &[AcceptedSale], now: Timestamp) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO orders (id, status, number, customer, country, currency, total, refunded, attempt, placed_at, \
         updated_at) VALUES $rows ON CONFLICT (number) DO NOTHING"
    );
    let rows = sales.iter().map(|accepted| {
        (
            accepted.id,
            Name(OrderStatus::Confirmed),
            accepted.sale.number.clone(),
            accepted.sale.customer.clone(),
            accepted.sale.country.clone(),
            accepted.total.currency(),
            accepted.total.ten_thousandths(),
            0_i64,
            0_i64,
            accepted.sale.at,
            now,
        )
    });
    let rows: Vec<_> = rows.collect();
    tx.insert_many(sql, rows).await.map(drop)
}

/// The orders that have the numbers of these sales, by number.
pub(crate) async fn orders_by_number(
    db: &mut Queries,
    sales: &[AcceptedSale],
) -> Result<HashMap<String, KnownSale>, CallFailure> {
    let numbers: List<String> = sales.iter().map(|accepted| accepted.sale.number.clone()).collect();
    let sql = sql!(
        sqlite: "SELECT number, id, total, currency FROM orders WHERE number IN (SELECT value FROM json_each($1))",
        postgres: "SELECT number, id, total, currency FROM orders WHERE number = ANY($1)",
    );
    let rows: Vec<(String, OrderId, i64, Currency)> = db.fetch_all(sql, (numbers,)).await?;
    let order = |(number, id, total, currency)| {
        let total = Money::new(total, currency);
        (number, KnownSale { id, total })
    };
    Ok(rows.into_iter().map(order).collect())
}

/// Inserts lines and revenue entries of newly inserted sales.
pub(crate) async fn insert_sale_lines(tx: &mut Tx<'_>, sales: &[AcceptedSale]) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO order_lines (order_id, number, product_id, sku, name, quantity, unit_price, returned) VALUES $rows"
    );
    let mut rows = Vec::new();
    for accepted in sales {
        for (line, number) in accepted.sale.lines.iter().zip(1_i64..) {
            rows.push((
                accepted.id,
                number,
                line.product_id,
                line.sku.clone(),
                line.name.clone(),
                line.quantity,
                line.unit_price.ten_thousandths(),
                0_i64,
            ));
        }
    }
    tx.insert_many(sql, rows).await?;
    let sql = sql!("INSERT INTO revenue (order_id, entry, at, country, currency, amount, credit) VALUES $rows");
    let rows = sales.iter().map(|accepted| {
        (
            accepted.id,
            0_i64,
            accepted.sale.at,
            accepted.sale.country.clone(),
            accepted.total.currency(),
            accepted.total.ten_thousandths(),
            accepted.sale.kind == SaleKind::CreditNote,
        )
    });
    let rows: Vec<_> = rows.collect();
    tx.insert_many(sql, rows).await.map(drop)
}
