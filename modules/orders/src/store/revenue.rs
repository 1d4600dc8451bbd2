//! SQL of the revenue ledger, which is append-only.

use offshoot_contract::{CallFailure, Currency, Money, Timestamp};
use offshoot_db::{Queries, Tx, sql};
use orders_api::v1::RevenueRow;

use crate::domain::Order;
use crate::store::damaged;

/// Adds the total of an order.
pub(crate) async fn add_sale_entry(tx: &mut Tx<'_>, order: &Order, at: Timestamp) -> Result<(), CallFailure> {
    add_entry(tx, order, order.total, false, at).await
}

/// Adds a refund of an order. A refund of zero counts as a credit too.
pub(crate) async fn add_credit_entry(
    tx: &mut Tx<'_>,
    order: &Order,
    refund: Money,
    at: Timestamp,
) -> Result<(), CallFailure> {
    let amount = Money::new(-refund.ten_thousandths(), refund.currency());
    add_entry(tx, order, amount, true, at).await
}

async fn add_entry(
    tx: &mut Tx<'_>,
    order: &Order,
    amount: Money,
    credit: bool,
    at: Timestamp,
) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO revenue (order_id, entry, at, country, currency, amount, credit) \
         SELECT $1, CAST(count(*) AS bigint), $2, $3, $4, $5, $6 FROM revenue WHERE order_id = $1"
    );
    let values = (
        order.id,
        at,
        order.country.as_str(),
        amount.currency(),
        amount.ten_thousandths(),
        credit,
    );
    tx.execute(sql, values).await.map(drop)
}

offshoot_db::row! {
    struct SumsRow {
        key: String,
        currency: Currency,
        gross: i64,
        credit: i64,
        sales: i64,
        credits: i64,
    }
}

/// Revenue by month (UTC) and currency.
pub(crate) async fn revenue_by_month(db: &mut Queries) -> Result<Vec<RevenueRow>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT strftime('%Y-%m', at / 1000000, 'unixepoch') AS key, currency, \
                 sum(CASE WHEN credit THEN 0 ELSE amount END) AS gross, \
                 sum(CASE WHEN credit THEN amount ELSE 0 END) AS credit, \
                 sum(CASE WHEN credit THEN 0 ELSE 1 END) AS sales, \
                 sum(CASE WHEN credit THEN 1 ELSE 0 END) AS credits \
                 FROM revenue GROUP BY 1, 2 ORDER BY 1, 2",
        postgres: "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM') AS key, currency, \
                   CAST(sum(CASE WHEN credit THEN 0 ELSE amount END) AS bigint) AS gross, \
                   CAST(sum(CASE WHEN credit THEN amount ELSE 0 END) AS bigint) AS credit, \
                   CAST(sum(CASE WHEN credit THEN 0 ELSE 1 END) AS bigint) AS sales, \
                   CAST(sum(CASE WHEN credit THEN 1 ELSE 0 END) AS bigint) AS credits \
                   FROM revenue GROUP BY 1, 2 ORDER BY 1, 2",
    );
    db.fetch_all(sql, ()).await?.into_iter().map(revenue_row).collect()
}

/// Revenue by country and currency.
pub(crate) async fn revenue_by_country(db: &mut Queries) -> Result<Vec<RevenueRow>, CallFailure> {
    let sql = sql!(
        "SELECT country AS key, currency, \
         CAST(sum(CASE WHEN credit THEN 0 ELSE amount END) AS bigint) AS gross, \
         CAST(sum(CASE WHEN credit THEN amount ELSE 0 END) AS bigint) AS credit, \
         CAST(sum(CASE WHEN credit THEN 0 ELSE 1 END) AS bigint) AS sales, \
         CAST(sum(CASE WHEN credit THEN 1 ELSE 0 END) AS bigint) AS credits \
         FROM revenue GROUP BY country, currency ORDER BY country, currency"
    );
    db.fetch_all(sql, ()).await?.into_iter().map(revenue_row).collect()
}

fn revenue_row(row: SumsRow) -> Result<RevenueRow, CallFailure> {
    let (gross, credit) = (
        Money::new(row.gross, row.currency),
        Money::new(row.credit, row.currency),
    );
    let count = |stored: i64| u64::try_from(stored).map_err(|error| damaged("a count below zero").caused_by(error));
    Ok(RevenueRow {
        net: gross
            .checked_add(credit)
            .map_err(|error| damaged("revenue out of the range of an amount").caused_by(error))?,
        gross,
        credit,
        sales: count(row.sales)?,
        credits: count(row.credits)?,
        key: row.key,
    })
}
