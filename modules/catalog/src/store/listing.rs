//! SQL for pages of product lists and search results.

use catalog_api::v1::Product;
use offshoot_contract::CallFailure;
use offshoot_db::{Queries, sql};

use super::ProductRow;
use crate::browse::{ListPosition, Listing};

offshoot_db::row! {
    /// A product found by a search, with the first two sort columns.
    struct SearchHitRow {
        tier: i64,
        name_length: i64,
        ..product: ProductRow
    }
}

/// Reads up to `limit` products after position `after`, each with its own position.
pub(crate) async fn page(
    db: &mut Queries,
    listing: &Listing,
    after: &ListPosition,
    limit: u32,
) -> Result<Vec<(ListPosition, Product)>, CallFailure> {
    let limit = i64::from(limit);
    let rows = match (&listing.words, &listing.category) {
        (Some(words), category) => return search_matches(db, words, category.as_deref(), after, limit).await,
        (None, Some(category)) => all_in_category(db, category, &after.sku, limit).await?,
        (None, None) => all(db, &after.sku, limit).await?,
    };
    rows.into_iter().map(|row| positioned(0, 0, row)).collect()
}

async fn all(db: &mut Queries, after: &str, limit: i64) -> Result<Vec<ProductRow>, CallFailure> {
    let sql = sql!(concat!(
        "SELECT ",
        product_columns!(),
        " FROM products WHERE status = 'active' AND sku > $1 ORDER BY sku LIMIT $2"
    ));
    db.fetch_all(sql, (after, limit)).await
}

async fn all_in_category(
    db: &mut Queries,
    category: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<ProductRow>, CallFailure> {
    let sql = sql!(concat!(
        "SELECT ",
        product_columns!(),
        " FROM products WHERE status = 'active' AND category = $1 AND sku > $2 \
         ORDER BY sku LIMIT $3"
    ));
    db.fetch_all(sql, (category, after, limit)).await
}

/// Finds the products that contain all words, in the order described in `search.rs`.
///
/// The two SQL texts differ only in the full-text condition, once over all columns and once over the name. The words,
/// separated by one space, become `"one" AND "two"` on SQLite and `'one' & 'two'` on Postgres.
async fn search_matches(
    db: &mut Queries,
    words: &str,
    category: Option<&str>,
    after: &ListPosition,
    limit: i64,
) -> Result<Vec<(ListPosition, Product)>, CallFailure> {
    let sql = sql!(
        sqlite: concat!(
            r#"WITH asked (words) AS (SELECT '"' || replace($1, ' ', '" AND "') || '"'),
               anywhere (number) AS (
                   SELECT rowid FROM product_search WHERE product_search MATCH (SELECT words FROM asked)),
               in_name (number) AS (
                   SELECT rowid FROM product_search
                   WHERE product_search MATCH 'name_words : (' || (SELECT words FROM asked) || ')'),
               hits AS (
                   SELECT "#, product_columns!(), r#", length(name_words) AS name_length,
                       CASE WHEN sku_words = $1 THEN 0 WHEN name_words = $1 THEN 1
                           WHEN number IN (SELECT number FROM in_name) THEN 2 ELSE 3 END AS tier
                   FROM products
                   WHERE number IN (SELECT number FROM anywhere)
                       AND status = 'active' AND category = COALESCE($2, category))
               SELECT * FROM hits WHERE (tier, name_length, sku) > ($3, $4, $5)
               ORDER BY tier, name_length, sku LIMIT $6"#
        ),
        postgres: concat!(
            r#"WITH hits AS (
                   SELECT "#, product_columns!(), r#", CAST(char_length(name_words) AS bigint) AS name_length,
                       CAST(CASE WHEN sku_words = $1 THEN 0 WHEN name_words = $1 THEN 1
                           WHEN string_to_array(name_words, ' ') @> string_to_array($1, ' ') THEN 2 ELSE 3 END
                           AS bigint) AS tier
                   FROM products
                   WHERE search @@ CAST('''' || replace($1, ' ', ''' & ''') || '''' AS tsquery)
                       AND status = 'active' AND category = COALESCE($2, category))
               SELECT * FROM hits WHERE (tier, name_length, sku) > ($3, $4, $5)
               ORDER BY tier, name_length, sku LIMIT $6"#
        ),
    );
    let values = (
        words,
        category,
        after.tier,
        after.name_length,
        after.sku.as_str(),
        limit,
    );
    let rows: Vec<SearchHitRow> = db.fetch_all(sql, values).await?;
    rows.into_iter()
        .map(|row| positioned(row.tier, row.name_length, row.product))
        .collect()
}

fn positioned(tier: i64, name_length: i64, row: ProductRow) -> Result<(ListPosition, Product), CallFailure> {
    let sku = row.sku.clone();
    Ok((ListPosition { tier, name_length, sku }, row.into_product()?))
}
