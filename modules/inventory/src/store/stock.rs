//! SQL of the stock levels.

use std::collections::{BTreeMap, HashMap};

use inventory_api::v1::{Balance, MovementKind, ProductId, Stock};
use offshoot_contract::CallFailure;
use offshoot_db::{List, Name, Queries, Tx, sql};
use uuid::Uuid;

use super::corrupt;
use crate::recording::Level;
use crate::validation::MAX_ON_HAND;

/// Reads the level of a product; none if the product never had a movement.
pub(crate) async fn level(db: &mut Queries, id: ProductId) -> Result<Option<Level>, CallFailure> {
    let sql = sql!("SELECT on_hand, reserved FROM stock WHERE product_id = $1");
    let row: Option<(i64, i64)> = db.fetch_optional(sql, (id,)).await?;
    Ok(row.map(|(on_hand, reserved)| Level { on_hand, reserved }))
}

/// Reads the levels of these products. Products without movements are left out.
pub(crate) async fn levels(db: &mut Queries, ids: Vec<ProductId>) -> Result<HashMap<ProductId, Level>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT product_id, on_hand, reserved FROM stock \
                 WHERE product_id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "SELECT product_id, on_hand, reserved FROM stock WHERE product_id = ANY($1)",
    );
    let rows: Vec<(ProductId, i64, i64)> = db.fetch_all(sql, (List(ids),)).await?;
    let level = |(id, on_hand, reserved)| (id, Level { on_hand, reserved });
    Ok(rows.into_iter().map(level).collect())
}

/// Adds units. Returns the new level, or none if the sum would exceed [`MAX_ON_HAND`].
pub(crate) async fn add_units(tx: &mut Tx<'_>, id: ProductId, units: i64) -> Result<Option<Level>, CallFailure> {
    let sql = sql!(
        "INSERT INTO stock (product_id, on_hand, reserved) VALUES ($1, $2, 0) \
         ON CONFLICT (product_id) DO UPDATE SET on_hand = stock.on_hand + excluded.on_hand \
         WHERE stock.on_hand + excluded.on_hand <= $3 RETURNING on_hand, reserved"
    );
    let row: Option<(i64, i64)> = tx.fetch_optional(sql, (id, units, MAX_ON_HAND)).await?;
    Ok(row.map(|(on_hand, reserved)| Level { on_hand, reserved }))
}

/// Removes available units. Returns the new level, or none if fewer units are available.
pub(crate) async fn remove_units(tx: &mut Tx<'_>, id: ProductId, units: i64) -> Result<Option<Level>, CallFailure> {
    let sql = sql!(
        "UPDATE stock SET on_hand = on_hand - $2 WHERE product_id = $1 AND on_hand - reserved >= $2 \
         RETURNING on_hand, reserved"
    );
    let row: Option<(i64, i64)> = tx.fetch_optional(sql, (id, units)).await?;
    Ok(row.map(|(on_hand, reserved)| Level { on_hand, reserved }))
}

/// Locks the levels of these products until the transaction ends, and inserts missing rows. `ids` must be sorted.
pub(crate) async fn lock_levels(
    tx: &mut Tx<'_>,
    ids: Vec<ProductId>,
) -> Result<HashMap<ProductId, Level>, CallFailure> {
    let levels = read_locked(tx, ids.clone()).await?;
    if levels.len() == ids.len() {
        return Ok(levels);
    }
    let sql =
        sql!("INSERT INTO stock (product_id, on_hand, reserved) VALUES $rows ON CONFLICT (product_id) DO NOTHING");
    let new = ids
        .iter()
        .filter(|id| !levels.contains_key(id))
        .map(|&id| (id, 0_i64, 0_i64));
    let new: Vec<_> = new.collect();
    tx.insert_many(sql, new).await?;
    read_locked(tx, ids).await
}

async fn read_locked(tx: &mut Tx<'_>, ids: Vec<ProductId>) -> Result<HashMap<ProductId, Level>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT product_id, on_hand, reserved FROM stock \
                 WHERE product_id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "SELECT product_id, on_hand, reserved FROM stock WHERE product_id = ANY($1) \
                   ORDER BY product_id FOR UPDATE",
    );
    let rows: Vec<(ProductId, i64, i64)> = tx.fetch_all(sql, (List(ids),)).await?;
    let level = |(id, on_hand, reserved)| (id, Level { on_hand, reserved });
    Ok(rows.into_iter().map(level).collect())
}

/// Changes locked levels, except where a change would remove reserved units. Returns the number of changed rows.
pub(crate) async fn change_levels(tx: &mut Tx<'_>, changes: BTreeMap<ProductId, i64>) -> Result<u64, CallFailure> {
    let sql = sql!(
        "WITH changes (product_id, change) AS (VALUES $rows) \
         UPDATE stock SET on_hand = on_hand + changes.change FROM changes \
         WHERE stock.product_id = changes.product_id \
         AND (changes.change > 0 OR stock.on_hand + changes.change >= stock.reserved)"
    );
    tx.insert_many(sql, changes).await
}

/// Reads up to `limit` levels after product `after`, ordered by product id, with the sums of the ledger.
pub(crate) async fn balances(
    db: &mut Queries,
    after: Option<ProductId>,
    limit: u32,
) -> Result<Vec<Balance>, CallFailure> {
    let after = after.unwrap_or(ProductId::from_uuid(Uuid::nil()));
    let sql =
        sql!("SELECT product_id, on_hand, reserved FROM stock WHERE product_id > $1 ORDER BY product_id LIMIT $2");
    let rows: Vec<(ProductId, i64, i64)> = db.fetch_all(sql, (after, i64::from(limit))).await?;
    let ids: List<ProductId> = rows.iter().map(|(id, ..)| *id).collect();
    let sums = sums_by_kind(db, ids.clone()).await?;
    let held = held_units(db, ids).await?;
    let balance = |(product_id, on_hand, reserved): (ProductId, i64, i64)| {
        let level = Level { on_hand, reserved };
        let sum = |kind| sums.get(&(product_id, kind)).copied().unwrap_or(0);
        let units =
            |units: i64| u64::try_from(units).map_err(|error| corrupt("a negative number of units").caused_by(error));
        Ok(Balance {
            stock: Stock {
                product_id,
                on_hand: units(on_hand)?,
                reserved: units(reserved)?,
                available: level.available(),
            },
            received: sum(MovementKind::Received as u8),
            adjusted: sum(MovementKind::Adjusted as u8),
            sold: sum(MovementKind::Sold as u8),
            returned: sum(MovementKind::Returned as u8),
            held: units(held.get(&product_id).copied().unwrap_or(0))?,
        })
    };
    rows.into_iter().map(balance).collect()
}

/// Sums the changes by product and kind of movement.
async fn sums_by_kind(db: &mut Queries, ids: List<ProductId>) -> Result<HashMap<(ProductId, u8), i64>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT product_id, kind, CAST(sum(change) AS bigint) FROM movements \
                 WHERE product_id IN (SELECT unhex(value) FROM json_each($1)) GROUP BY product_id, kind",
        postgres: "SELECT product_id, kind, CAST(sum(change) AS bigint) FROM movements \
                   WHERE product_id = ANY($1) GROUP BY product_id, kind",
    );
    let rows: Vec<(ProductId, Name<MovementKind>, i64)> = db.fetch_all(sql, (ids,)).await?;
    let sum = |(id, Name(kind), sum)| ((id, kind as u8), sum);
    Ok(rows.into_iter().map(sum).collect())
}

/// Sums the units in held reservations by product.
async fn held_units(db: &mut Queries, ids: List<ProductId>) -> Result<HashMap<ProductId, i64>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT l.product_id, CAST(sum(l.quantity) AS bigint) FROM reservations r \
                 JOIN reservation_lines l ON l.reference = r.reference \
                 WHERE r.state = 'held' AND l.product_id IN (SELECT unhex(value) FROM json_each($1)) \
                 GROUP BY l.product_id",
        postgres: "SELECT l.product_id, CAST(sum(l.quantity) AS bigint) FROM reservations r \
                   JOIN reservation_lines l ON l.reference = r.reference \
                   WHERE r.state = 'held' AND l.product_id = ANY($1) GROUP BY l.product_id",
    );
    let rows: Vec<(ProductId, i64)> = db.fetch_all(sql, (ids,)).await?;
    Ok(rows.into_iter().collect())
}
