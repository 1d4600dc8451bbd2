//! SQL of reservations and of the reserved units in `stock`.

use std::collections::HashMap;

use inventory_api::v1::{ProductId, Reservation, ReservationState, ReservedLine};
use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{List, Name, Queries, Tx, sql};

use super::corrupt;
use crate::recording::Level;

/// Inserts a reservation without lines. Returns false if the reference exists. On Postgres the insert waits for a
/// concurrent transaction that uses the same reference.
pub(crate) async fn add_reservation(
    tx: &mut Tx<'_>,
    reference: &str,
    state: ReservationState,
    expires_at: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "INSERT INTO reservations (reference, state, expires_at) VALUES ($1, $2, $3) ON CONFLICT (reference) DO NOTHING"
    );
    Ok(tx.execute(sql, (reference, Name(state), expires_at)).await? == 1)
}

pub(crate) async fn add_lines(tx: &mut Tx<'_>, reference: &str, lines: &[ReservedLine]) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO reservation_lines (reference, product_id, quantity) VALUES $rows");
    let rows = lines
        .iter()
        .map(|line| (reference.to_owned(), line.product_id, i64::from(line.quantity)));
    tx.insert_many(sql, rows).await.map(drop)
}

/// Reserves the units of each line for which enough are available. Returns the reserved products with their new levels.
///
/// The condition in the UPDATE guarantees that no unit is reserved twice, also by concurrent calls.
pub(crate) async fn reserve(tx: &mut Tx<'_>, reference: &str) -> Result<Vec<(ProductId, Level)>, CallFailure> {
    let sql = sql!(
        sqlite: "UPDATE stock SET reserved = reserved + l.quantity FROM reservation_lines l \
                 WHERE l.reference = $1 AND stock.product_id = l.product_id \
                 AND stock.on_hand - stock.reserved >= l.quantity \
                 RETURNING stock.product_id, stock.on_hand, stock.reserved",
        postgres: "WITH locked AS (SELECT s.product_id, l.quantity FROM reservation_lines l \
                                   JOIN stock s ON s.product_id = l.product_id \
                                   WHERE l.reference = $1 ORDER BY s.product_id FOR UPDATE OF s) \
                   UPDATE stock SET reserved = reserved + locked.quantity FROM locked \
                   WHERE stock.product_id = locked.product_id \
                   AND stock.on_hand - stock.reserved >= locked.quantity \
                   RETURNING stock.product_id, stock.on_hand, stock.reserved",
    );
    let rows: Vec<(ProductId, i64, i64)> = tx.fetch_all(sql, (reference,)).await?;
    let level = |(id, on_hand, reserved)| (id, Level { on_hand, reserved });
    Ok(rows.into_iter().map(level).collect())
}

/// Removes the units of a reservation from the stock.
pub(crate) async fn remove_reserved_units(tx: &mut Tx<'_>, reference: &str) -> Result<(), CallFailure> {
    let sql = sql!(
        sqlite: "UPDATE stock SET on_hand = on_hand - l.quantity, reserved = reserved - l.quantity \
                 FROM reservation_lines l WHERE l.reference = $1 AND stock.product_id = l.product_id",
        postgres: "WITH locked AS (SELECT s.product_id, l.quantity FROM reservation_lines l \
                                   JOIN stock s ON s.product_id = l.product_id \
                                   WHERE l.reference = $1 ORDER BY s.product_id FOR UPDATE OF s) \
                   UPDATE stock SET on_hand = on_hand - locked.quantity, reserved = reserved - locked.quantity \
                   FROM locked WHERE stock.product_id = locked.product_id",
    );
    tx.execute(sql, (reference,)).await.map(drop)
}

/// Makes the units of these reservations available again. Returns the new level of each product.
pub(crate) async fn release_units(
    tx: &mut Tx<'_>,
    references: &[String],
) -> Result<Vec<(ProductId, Level)>, CallFailure> {
    let sql = sql!(
        sqlite: "UPDATE stock SET reserved = reserved - back.units FROM (SELECT product_id, sum(quantity) AS units \
                 FROM reservation_lines WHERE reference IN (SELECT value FROM json_each($1)) GROUP BY product_id) AS back \
                 WHERE stock.product_id = back.product_id \
                 RETURNING stock.product_id, stock.on_hand, stock.reserved",
        postgres: "WITH back AS (SELECT product_id, CAST(sum(quantity) AS bigint) AS units FROM reservation_lines \
                                 WHERE reference = ANY($1) GROUP BY product_id), \
                   locked AS (SELECT s.product_id FROM stock s JOIN back ON back.product_id = s.product_id \
                              ORDER BY s.product_id FOR UPDATE OF s) \
                   UPDATE stock SET reserved = reserved - back.units \
                   FROM back JOIN locked ON locked.product_id = back.product_id \
                   WHERE stock.product_id = back.product_id \
                   RETURNING stock.product_id, stock.on_hand, stock.reserved",
    );
    let rows: Vec<(ProductId, i64, i64)> = tx.fetch_all(sql, (List(references.to_vec()),)).await?;
    let level = |(id, on_hand, reserved)| (id, Level { on_hand, reserved });
    Ok(rows.into_iter().map(level).collect())
}

/// Changes the state of a reservation. Returns false if the state is not `from`.
pub(crate) async fn change_state(
    tx: &mut Tx<'_>,
    reference: &str,
    from: ReservationState,
    to: ReservationState,
) -> Result<bool, CallFailure> {
    let sql = sql!("UPDATE reservations SET state = $3 WHERE reference = $1 AND state = $2");
    Ok(tx.execute(sql, (reference, Name(from), Name(to))).await? == 1)
}

/// Finds up to `limit` held reservations whose time is over, oldest first.
///
/// On Postgres concurrent transactions skip each other's locked reservations instead of waiting.
pub(crate) async fn overdue(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Vec<String>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT reference FROM reservations WHERE state = 'held' AND expires_at <= $1 ORDER BY expires_at LIMIT $2",
        postgres: "SELECT reference FROM reservations WHERE state = 'held' AND expires_at <= $1 ORDER BY expires_at LIMIT $2 \
                   FOR UPDATE SKIP LOCKED",
    );
    let rows: Vec<(String,)> = tx.fetch_all(sql, (now, i64::from(limit))).await?;
    Ok(rows.into_iter().map(|(reference,)| reference).collect())
}

/// Marks these reservations as expired.
pub(crate) async fn mark_expired(tx: &mut Tx<'_>, references: Vec<String>) -> Result<(), CallFailure> {
    let sql = sql!(
        sqlite: "UPDATE reservations SET state = 'expired' WHERE reference IN (SELECT value FROM json_each($1))",
        postgres: "UPDATE reservations SET state = 'expired' WHERE reference = ANY($1)",
    );
    tx.execute(sql, (List(references),)).await.map(drop)
}

/// Finds a reservation with all lines.
pub(crate) async fn reservation(db: &mut Queries, reference: &str) -> Result<Option<Reservation>, CallFailure> {
    Ok(reservations(db, vec![reference.to_owned()]).await?.pop())
}

/// Reads up to `limit` references after `after`, of reservations in `state` or in any state.
pub(crate) async fn references(
    db: &mut Queries,
    state: Option<ReservationState>,
    after: String,
    limit: u32,
) -> Result<Vec<String>, CallFailure> {
    let rows: Vec<(String,)> = match state {
        Some(state) => {
            let sql = sql!(
                "SELECT reference FROM reservations WHERE state = $1 AND reference > $2 ORDER BY reference LIMIT $3"
            );
            db.fetch_all(sql, (Name(state), after, i64::from(limit))).await?
        }
        None => {
            let sql = sql!("SELECT reference FROM reservations WHERE reference > $1 ORDER BY reference LIMIT $2");
            db.fetch_all(sql, (after, i64::from(limit))).await?
        }
    };
    Ok(rows.into_iter().map(|(reference,)| reference).collect())
}

/// Finds these reservations with all lines, ordered by reference.
pub(crate) async fn reservations(db: &mut Queries, references: Vec<String>) -> Result<Vec<Reservation>, CallFailure> {
    let references = List(references);
    let sql = sql!(
        sqlite: "SELECT reference, state, expires_at FROM reservations \
                 WHERE reference IN (SELECT value FROM json_each($1)) ORDER BY reference",
        postgres: "SELECT reference, state, expires_at FROM reservations WHERE reference = ANY($1) ORDER BY reference",
    );
    let rows: Vec<(String, Name<ReservationState>, Timestamp)> = db.fetch_all(sql, (references.clone(),)).await?;
    let sql = sql!(
        sqlite: "SELECT reference, product_id, quantity FROM reservation_lines \
                 WHERE reference IN (SELECT value FROM json_each($1)) ORDER BY reference, product_id",
        postgres: "SELECT reference, product_id, quantity FROM reservation_lines \
                   WHERE reference = ANY($1) ORDER BY reference, product_id",
    );
    let mut lines: HashMap<String, Vec<ReservedLine>> = HashMap::new();
    for (reference, product_id, quantity) in db.fetch_all::<(String, ProductId, i64)>(sql, (references,)).await? {
        let quantity = u32::try_from(quantity).map_err(|error| corrupt("a quantity out of range").caused_by(error))?;
        lines
            .entry(reference)
            .or_default()
            .push(ReservedLine { product_id, quantity });
    }
    let reservation = |(reference, Name(state), expires_at)| Reservation {
        lines: lines.remove(&reference).unwrap_or_default(),
        reference,
        state,
        expires_at,
    };
    Ok(rows.into_iter().map(reservation).collect())
}
