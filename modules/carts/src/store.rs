//! SQL of the cart tables. Runs in the caller's transaction or read and makes no decisions.

use carts_api::v1::CartId;
use catalog_api::v1::ProductId;
use offshoot_contract::{CallFailure, Currency, Timestamp};
use offshoot_db::{List, Queries, Tx, sql};

use crate::domain::{StoredCart, StoredLine};

// The projection of the catalog's products.
pub(crate) mod projected_products;

offshoot_db::row! {
    /// A row of `carts`.
    struct CartRow {
        currency: Currency,
        created_at: Timestamp,
        expires_at: Timestamp,
    }
}

/// Finds a cart by id.
pub(crate) async fn cart(db: &mut Queries, id: CartId) -> Result<Option<StoredCart>, CallFailure> {
    let sql = sql!("SELECT currency, created_at, expires_at FROM carts WHERE id = $1");
    let row: Option<CartRow> = db.fetch_optional(sql, (id,)).await?;
    Ok(row.map(|row| StoredCart {
        id,
        currency: row.currency,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }))
}

/// Reads the lines of a cart in the order in which they were first set.
pub(crate) async fn lines(db: &mut Queries, id: CartId) -> Result<Vec<StoredLine>, CallFailure> {
    let sql = sql!("SELECT product_id, quantity FROM cart_lines WHERE cart_id = $1 ORDER BY position");
    let rows: Vec<(ProductId, i64)> = db.fetch_all(sql, (id,)).await?;
    let line = |(product_id, quantity)| {
        let quantity = number(quantity)?;
        Ok(StoredLine { product_id, quantity })
    };
    rows.into_iter().map(line).collect()
}

/// Inserts a cart without lines.
pub(crate) async fn create(tx: &mut Tx<'_>, cart: &StoredCart) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO carts (id, currency, created_at, expires_at) VALUES ($1, $2, $3, $4)");
    let values = (cart.id, cart.currency, cart.created_at, cart.expires_at);
    tx.execute(sql, values).await.map(drop)
}

/// Sets `expires_at` of a cart that has not expired at `now`. Returns the currency, or none if there is no such cart.
///
/// On Postgres the update locks the row of the cart, so changes of one cart are serialized. SQLite serializes all
/// writes.
pub(crate) async fn touch(
    tx: &mut Tx<'_>,
    id: CartId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Option<Currency>, CallFailure> {
    let sql = sql!("UPDATE carts SET expires_at = $3 WHERE id = $1 AND expires_at > $2 RETURNING currency");
    let row: Option<(Currency,)> = tx.fetch_optional(sql, (id, now, expires_at)).await?;
    Ok(row.map(|(currency,)| currency))
}

/// Updates the quantity of a line. Returns false if the cart has no line for the product.
pub(crate) async fn set_quantity(tx: &mut Tx<'_>, id: CartId, line: &StoredLine) -> Result<bool, CallFailure> {
    let sql = sql!("UPDATE cart_lines SET quantity = $3 WHERE cart_id = $1 AND product_id = $2");
    Ok(tx.execute(sql, (id, line.product_id, i64::from(line.quantity))).await? == 1)
}

/// Reads the number of lines and the highest position; both are 0 for an empty cart.
pub(crate) async fn line_count_and_last_position(tx: &mut Tx<'_>, id: CartId) -> Result<(u32, i64), CallFailure> {
    let sql = sql!("SELECT CAST(count(*) AS bigint), COALESCE(max(position), 0) FROM cart_lines WHERE cart_id = $1");
    let (lines, position): (i64, i64) = tx.fetch_one(sql, (id,)).await?;
    Ok((number(lines)?, position))
}

/// Inserts a line at `position`.
pub(crate) async fn add_line(tx: &mut Tx<'_>, id: CartId, line: &StoredLine, position: i64) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO cart_lines (cart_id, product_id, position, quantity) VALUES ($1, $2, $3, $4)");
    tx.execute(sql, (id, line.product_id, position, i64::from(line.quantity)))
        .await
        .map(drop)
}

/// Deletes all lines of a cart.
pub(crate) async fn remove_lines(tx: &mut Tx<'_>, id: CartId) -> Result<(), CallFailure> {
    let sql = sql!("DELETE FROM cart_lines WHERE cart_id = $1");
    tx.execute(sql, (id,)).await.map(drop)
}

/// Inserts lines into an empty cart, in this order.
pub(crate) async fn add_lines(tx: &mut Tx<'_>, id: CartId, lines: &[StoredLine]) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO cart_lines (cart_id, product_id, position, quantity) VALUES $rows");
    let rows = lines.iter().zip(1_i64..);
    let rows = rows.map(|(line, position)| (id, line.product_id, position, i64::from(line.quantity)));
    let rows: Vec<_> = rows.collect();
    tx.insert_many(sql, rows).await.map(drop)
}

/// Deletes the line of a product, if there is one.
pub(crate) async fn remove_line(tx: &mut Tx<'_>, id: CartId, product_id: ProductId) -> Result<(), CallFailure> {
    let sql = sql!("DELETE FROM cart_lines WHERE cart_id = $1 AND product_id = $2");
    tx.execute(sql, (id, product_id)).await.map(drop)
}

/// Removes up to `limit` carts that expired before `before`, oldest first. Returns the number of removed carts.
///
/// On Postgres concurrent transactions skip each other's locked carts instead of waiting.
pub(crate) async fn remove_expired(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT id FROM carts WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
        postgres: "SELECT id FROM carts WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED",
    );
    let ids: Vec<(CartId,)> = tx.fetch_all(sql, (before, i64::from(limit))).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let ids: List<CartId> = ids.into_iter().map(|(id,)| id).collect();
    let sql = sql!(
        sqlite: "DELETE FROM cart_lines WHERE cart_id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "DELETE FROM cart_lines WHERE cart_id = ANY($1)",
    );
    tx.execute(sql, (ids.clone(),)).await?;
    let sql = sql!(
        sqlite: "DELETE FROM carts WHERE id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "DELETE FROM carts WHERE id = ANY($1)",
    );
    tx.execute(sql, (ids,)).await
}

fn number(stored: i64) -> Result<u32, CallFailure> {
    u32::try_from(stored)
        .map_err(|error| CallFailure::internal("the carts database contains a number out of range").caused_by(error))
}
