//! SQL that groups projected orders and sums units and amounts. The SQL texts are fixed: the choices of a question are
//! bind values.

use offshoot_contract::CallFailure;
use offshoot_db::{Name, Queries, sql};
use reporting_api::v1::{Dimension, Question, SortBy};

offshoot_db::row! {
    /// One group. A dimension that was not requested is empty.
    pub(crate) struct GroupRow {
        pub(crate) month: String,
        pub(crate) country: String,
        pub(crate) sku: String,
        pub(crate) status: String,
        pub(crate) order_count: i64,
        pub(crate) units: i64,
        pub(crate) gross: i64,
        pub(crate) refunded: i64,
        pub(crate) net: i64,
    }
}

/// The dimensions of an order. A dimension that was not requested has the same value for all orders.
macro_rules! dimensions {
    () => {
        "CASE WHEN $1 THEN o.month ELSE '' END AS month, CASE WHEN $2 THEN o.country ELSE '' END AS country, \
         CASE WHEN $3 THEN o.status ELSE '' END AS status"
    };
}

/// Filter conditions on orders.
macro_rules! conditions {
    () => {
        "o.currency = $4 AND ($5 IS NULL OR o.placed_at >= $5) AND ($6 IS NULL OR o.placed_at < $6) \
         AND ($7 IS NULL OR o.country = $7) AND ($8 IS NULL OR o.status = $8)"
    };
}

/// Selects the groups in the requested order. `$9` is the sort column. `$10` is 1 for ascending and -1 for descending
/// order: numbers are multiplied by `$10`, and texts are sorted by one of two expressions while the other is empty.
macro_rules! sorted_groups {
    () => {
        "month, country, sku, status, order_count, units, gross, refunded, gross - refunded AS net FROM grouped \
         ORDER BY $10 * CASE $9 WHEN 'order-count' THEN order_count WHEN 'units' THEN units WHEN 'gross' THEN gross \
             WHEN 'refunded' THEN refunded WHEN 'net' THEN gross - refunded ELSE 0 END, \
         CASE WHEN $10 < 0 THEN '' ELSE CASE $9 WHEN 'month' THEN month WHEN 'country' THEN country \
             WHEN 'product' THEN sku WHEN 'status' THEN status ELSE '' END END, \
         CASE WHEN $10 > 0 THEN '' ELSE CASE $9 WHEN 'month' THEN month WHEN 'country' THEN country \
             WHEN 'product' THEN sku WHEN 'status' THEN status ELSE '' END END DESC, \
         month, country, sku, status LIMIT $11"
    };
}

/// Groups whole orders.
pub(crate) async fn group_orders(
    read: &mut Queries,
    question: &Question,
    limit: u32,
) -> Result<Vec<GroupRow>, CallFailure> {
    let sql = sql!(concat!(
        "WITH grouped AS (SELECT ",
        dimensions!(),
        ", '' AS sku, CAST(sum(CASE WHEN o.credit THEN 0 ELSE 1 END) AS bigint) AS order_count, \
         CAST(sum(o.units) AS bigint) AS units, CAST(sum(o.gross) AS bigint) AS gross, \
         CAST(sum(o.refunded) AS bigint) AS refunded FROM projected_orders o WHERE ",
        conditions!(),
        " GROUP BY 1, 2, 3) SELECT ",
        sorted_groups!(),
    ));
    let has = |dimension| question.dimensions.contains(&dimension);
    let values = (
        has(Dimension::Month),
        has(Dimension::Country),
        has(Dimension::Status),
        question.currency,
        question.from,
        question.to,
        question.country.as_deref(),
        question.status.map(Name),
        sort_key(question.sort_by),
        direction(question),
        i64::from(limit),
    );
    read.fetch_all(sql, values).await
}

/// Groups order lines, for queries by product or with a product filter. Each line's `order_count` tells whether the
/// line counts as an order.
pub(crate) async fn group_lines(
    read: &mut Queries,
    question: &Question,
    limit: u32,
) -> Result<Vec<GroupRow>, CallFailure> {
    let sql = sql!(concat!(
        "WITH grouped AS (SELECT ",
        dimensions!(),
        ", CASE WHEN $12 THEN l.sku ELSE '' END AS sku, \
         CAST(sum(l.order_count) AS bigint) AS order_count, \
         CAST(sum(l.units) AS bigint) AS units, CAST(sum(l.gross) AS bigint) AS gross, \
         CAST(sum(l.refunded) AS bigint) AS refunded \
         FROM projected_orders o JOIN projected_order_lines l ON l.order_id = o.order_id WHERE ",
        conditions!(),
        " AND ($13 IS NULL OR l.sku = $13) GROUP BY 1, 2, 3, 4) SELECT ",
        sorted_groups!(),
    ));
    let has = |dimension| question.dimensions.contains(&dimension);
    let values = (
        has(Dimension::Month),
        has(Dimension::Country),
        has(Dimension::Status),
        question.currency,
        question.from,
        question.to,
        question.country.as_deref(),
        question.status.map(Name),
        sort_key(question.sort_by),
        direction(question),
        i64::from(limit),
        has(Dimension::Product),
        question.sku.as_deref(),
    );
    read.fetch_all(sql, values).await
}

fn direction(question: &Question) -> i64 {
    if question.descending { -1 } else { 1 }
}

fn sort_key(by: Option<SortBy>) -> &'static str {
    match by {
        None => "",
        Some(SortBy::Month) => "month",
        Some(SortBy::Country) => "country",
        Some(SortBy::Product) => "product",
        Some(SortBy::Status) => "status",
        Some(SortBy::Orders) => "order-count",
        Some(SortBy::Units) => "units",
        Some(SortBy::Gross) => "gross",
        Some(SortBy::Refunded) => "refunded",
        Some(SortBy::Net) => "net",
    }
}
