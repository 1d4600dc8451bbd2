//! SQL for current prices and the price history.

use std::collections::HashMap;

use catalog_api::v1::{PricePoint, ProductId};
use offshoot_contract::{CallFailure, Currency, Money, Timestamp};
use offshoot_db::{List, Queries, Tx, sql};

use super::version;
use crate::bulk::{CurrentPrice, ProductPrice};

offshoot_db::row! {
    /// A row of `price_history`.
    struct PricePointRow {
        since: Timestamp,
        price: i64,
        currency: Currency,
    }
}

offshoot_db::row! {
    /// The price columns of a row of `products`.
    struct CurrentPriceRow {
        sku: String,
        id: ProductId,
        price: i64,
        currency: Currency,
        price_since: Timestamp,
        version: i64,
        updated_at: Timestamp,
    }
}

/// Sets the current price unless the product already has `price`. Returns the start time of the new price, or none if
/// nothing changed.
///
/// The start time is `now`, or the start of the present price if that is later: clocks of several servers differ, and
/// the current price must be the price with the latest start time.
pub(crate) async fn set_current(
    tx: &mut Tx<'_>,
    id: ProductId,
    price: Money,
    now: Timestamp,
) -> Result<Option<Timestamp>, CallFailure> {
    let sql = sql!(
        "UPDATE products SET price = $2, currency = $3, version = version + 1, updated_at = $4, \
         price_since = CASE WHEN price_since > $4 THEN price_since ELSE $4 END \
         WHERE id = $1 AND (price <> $2 OR currency <> $3) RETURNING price_since"
    );
    let since: Option<(Timestamp,)> = tx
        .fetch_optional(sql, (id, price.ten_thousandths(), price.currency(), now))
        .await?;
    Ok(since.map(|(since,)| since))
}

/// Reads and locks the current prices of the products with these SKUs until the transaction ends. Postgres locks the
/// rows in SKU order, so two calls cannot deadlock. On SQLite the transaction excludes other writers.
pub(crate) async fn lock_current(
    tx: &mut Tx<'_>,
    skus: List<String>,
) -> Result<HashMap<String, CurrentPrice>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT sku, id, price, currency, price_since, version, updated_at FROM products \
                 WHERE sku IN (SELECT value FROM json_each($1))",
        postgres: "SELECT sku, id, price, currency, price_since, version, updated_at FROM products \
                   WHERE sku = ANY($1) ORDER BY sku FOR NO KEY UPDATE",
    );
    let rows: Vec<CurrentPriceRow> = tx.fetch_all(sql, (skus,)).await?;
    let current = |row: CurrentPriceRow| {
        let current = CurrentPrice {
            id: row.id,
            price: Money::new(row.price, row.currency),
            since: row.price_since,
            version: version(row.version)?,
            updated_at: row.updated_at,
        };
        Ok((row.sku, current))
    };
    rows.into_iter().map(current).collect()
}

/// Writes current prices. The transaction must have locked the products with [`lock_current`].
pub(crate) async fn set_many_current(tx: &mut Tx<'_>, prices: Vec<CurrentPrice>) -> Result<(), CallFailure> {
    let row = |current: CurrentPrice| {
        (
            current.id,
            current.price.ten_thousandths(),
            current.price.currency(),
            current.since,
            i64::from(current.version),
            current.updated_at,
        )
    };
    let sql = sql!(
        "WITH current (id, price, currency, price_since, version, updated_at) AS (VALUES $rows) \
         UPDATE products SET price = current.price, currency = current.currency, price_since = current.price_since, \
         version = current.version, updated_at = current.updated_at FROM current WHERE products.id = current.id"
    );
    tx.insert_many(sql, prices.into_iter().map(row)).await.map(drop)
}

/// Writes prices into the history. A price with the same product and start time is replaced.
pub(crate) async fn record_history(tx: &mut Tx<'_>, points: Vec<ProductPrice>) -> Result<(), CallFailure> {
    let row = |ProductPrice { id, since, price }: ProductPrice| (id, since, price.ten_thousandths(), price.currency());
    let sql = sql!(
        "INSERT INTO price_history (product_id, since, price, currency) VALUES $rows \
         ON CONFLICT (product_id, since) DO UPDATE SET price = excluded.price, currency = excluded.currency"
    );
    tx.insert_many(sql, points.into_iter().map(row)).await.map(drop)
}

/// Reads up to `limit` prices of a product that started before `before`, newest first.
pub(crate) async fn history(
    db: &mut Queries,
    id: ProductId,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<PricePoint>, CallFailure> {
    let sql = sql!(
        "SELECT since, price, currency FROM price_history WHERE product_id = $1 AND since < $2 \
         ORDER BY since DESC LIMIT $3"
    );
    let rows: Vec<PricePointRow> = db.fetch_all(sql, (id, before, i64::from(limit))).await?;
    let point = |row: PricePointRow| PricePoint {
        price: Money::new(row.price, row.currency),
        since: row.since,
    };
    Ok(rows.into_iter().map(point).collect())
}
