//! Carts as rows. Takes a transaction or a read and decides nothing.

use carts_api::v1::CartId;
use catalog_api::v1::ProductId;
use offshoot_contract::{CallFailure, Currency, Timestamp};
use offshoot_db::{List, Queries, Tx, sql};

use crate::domain::{KeptCart, KeptLine};

// The copy of the catalog's products.
pub(crate) mod known;

/// A cart as it is stored.
#[derive(sqlx::FromRow)]
struct CartRow {
    currency: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// One cart; none if the id is unknown.
pub(crate) async fn cart(db: &mut Queries, id: CartId) -> Result<Option<KeptCart>, CallFailure> {
    let sql = sql!("SELECT currency, created_at, expires_at FROM carts WHERE id = $1");
    let row: Option<CartRow> = db.fetch_optional(sql, (id,)).await?;
    let cart = |row: CartRow| {
        Ok(KeptCart {
            id,
            currency: currency(&row.currency)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    };
    row.map(cart).transpose()
}

/// The lines of a cart in the order in which they were first set.
pub(crate) async fn lines(db: &mut Queries, id: CartId) -> Result<Vec<KeptLine>, CallFailure> {
    let sql = sql!("SELECT product_id, quantity FROM cart_lines WHERE cart_id = $1 ORDER BY position");
    let rows: Vec<(ProductId, i64)> = db.fetch_all(sql, (id,)).await?;
    let line = |(product_id, quantity)| {
        let quantity = number(quantity)?;
        Ok(KeptLine { product_id, quantity })
    };
    rows.into_iter().map(line).collect()
}

/// A cart without lines.
pub(crate) async fn create(tx: &mut Tx<'_>, cart: &KeptCart) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO carts (id, currency, created_at, expires_at) VALUES ($1, $2, $3, $4)");
    let values = (cart.id, cart.currency.as_str(), cart.created_at, cart.expires_at);
    tx.execute(sql, values).await.map(drop)
}

/// Lets a cart that is alive `now` live until `expires_at`. Answers its currency, none if there is no such cart.
///
/// On Postgres this locks the cart's row, so that changes of one cart come one after the other; on SQLite all do.
pub(crate) async fn touch(
    tx: &mut Tx<'_>,
    id: CartId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Option<Currency>, CallFailure> {
    let sql = sql!("UPDATE carts SET expires_at = $3 WHERE id = $1 AND expires_at > $2 RETURNING currency");
    let row: Option<(String,)> = tx.fetch_optional(sql, (id, now, expires_at)).await?;
    row.map(|(code,)| currency(&code)).transpose()
}

/// Sets the quantity of a line. False if the cart has no such line.
pub(crate) async fn set_quantity(tx: &mut Tx<'_>, id: CartId, line: &KeptLine) -> Result<bool, CallFailure> {
    let sql = sql!("UPDATE cart_lines SET quantity = $3 WHERE cart_id = $1 AND product_id = $2");
    Ok(tx.execute(sql, (id, line.product_id, i64::from(line.quantity))).await? == 1)
}

/// How many lines the cart has, and the last one's position; 0 if it has none.
pub(crate) async fn line_count_and_last_position(tx: &mut Tx<'_>, id: CartId) -> Result<(u32, i64), CallFailure> {
    let sql = sql!("SELECT CAST(count(*) AS bigint), COALESCE(max(position), 0) FROM cart_lines WHERE cart_id = $1");
    let (lines, position): (i64, i64) = tx.fetch_one(sql, (id,)).await?;
    Ok((number(lines)?, position))
}

/// Puts a line into the cart at `position`.
pub(crate) async fn add_line(tx: &mut Tx<'_>, id: CartId, line: &KeptLine, position: i64) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO cart_lines (cart_id, product_id, position, quantity) VALUES ($1, $2, $3, $4)");
    tx.execute(sql, (id, line.product_id, position, i64::from(line.quantity)))
        .await
        .map(drop)
}

/// Takes every line out of the cart.
pub(crate) async fn remove_lines(tx: &mut Tx<'_>, id: CartId) -> Result<(), CallFailure> {
    let sql = sql!("DELETE FROM cart_lines WHERE cart_id = $1");
    tx.execute(sql, (id,)).await.map(drop)
}

/// Puts lines into an empty cart, in this order.
pub(crate) async fn add_lines(tx: &mut Tx<'_>, id: CartId, lines: &[KeptLine]) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO cart_lines (cart_id, product_id, position, quantity) VALUES $rows");
    let rows = lines.iter().zip(1_i64..);
    let rows = rows.map(|(line, position)| (id, line.product_id, position, i64::from(line.quantity)));
    let rows: Vec<_> = rows.collect();
    tx.insert_many(sql, rows).await.map(drop)
}

/// Takes a line out of the cart, if it is there.
pub(crate) async fn remove_line(tx: &mut Tx<'_>, id: CartId, product_id: ProductId) -> Result<(), CallFailure> {
    let sql = sql!("DELETE FROM cart_lines WHERE cart_id = $1 AND product_id = $2");
    tx.execute(sql, (id, product_id)).await.map(drop)
}

/// Removes the carts that expired before `before`, the oldest first, at most `limit`; answers how many.
///
/// On Postgres each transaction takes other carts: nobody waits for somebody else's cleaning.
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

/// The schema checks what is stored, so a failure means that it was bypassed.
fn currency(code: &str) -> Result<Currency, CallFailure> {
    code.parse()
        .map_err(|error| CallFailure::internal("the carts' database holds a cart without a currency").caused_by(error))
}

fn number(stored: i64) -> Result<u32, CallFailure> {
    u32::try_from(stored).map_err(|error| {
        CallFailure::internal("the carts' database holds a number that is out of range").caused_by(error)
    })
}
