//! SQL of the ledger `movements`: every change of a stock level.

use std::collections::HashMap;

use inventory_api::v1::{Movement, MovementKind, NewMovement, ProductId, ReservedLine};
use offshoot_contract::{CallFailure, Entity, Id, Timestamp};
use offshoot_db::{List, Name, Queries, Tx, sql};
use uuid::Uuid;

use crate::recording::RecordedMovement;

/// Marks ids of ledger entries. The ids are private to the inventory.
#[derive(Debug)]
pub(crate) struct MovementEntity;

impl Entity for MovementEntity {
    const PREFIX: &'static str = "movement";
}

/// Id of a ledger entry. Derived from the time of the movement, so ids sort by time.
pub(crate) type MovementId = Id<MovementEntity>;

/// A row of `movements`.
pub(crate) struct MovementRow {
    product_id: ProductId,
    kind: MovementKind,
    change: i64,
    reference: Option<String>,
    note: String,
    at: Timestamp,
}

impl MovementRow {
    /// A movement given to `record_many`.
    pub(crate) fn from_new(movement: NewMovement) -> Self {
        Self {
            product_id: movement.product_id,
            kind: movement.kind,
            change: movement.change,
            reference: Some(movement.reference),
            note: movement.note,
            at: movement.at,
        }
    }

    /// The sale of a line of a committed reservation.
    pub(crate) fn sold(line: &ReservedLine, reference: String, at: Timestamp) -> Self {
        Self {
            product_id: line.product_id,
            kind: MovementKind::Sold,
            change: -i64::from(line.quantity),
            reference: Some(reference),
            note: String::new(),
            at,
        }
    }

    /// A manual adjustment.
    pub(crate) fn adjustment(
        product_id: ProductId,
        kind: MovementKind,
        change: i64,
        note: String,
        at: Timestamp,
    ) -> Self {
        Self {
            product_id,
            kind,
            change,
            reference: None,
            note,
            at,
        }
    }
}

/// Adds entries, except entries with an existing reference. Returns the number of added entries.
pub(crate) async fn add_movements(tx: &mut Tx<'_>, rows: Vec<MovementRow>) -> Result<u64, CallFailure> {
    let sql = sql!(
        "INSERT INTO movements (product_id, id, kind, change, reference, note, at) VALUES $rows \
         ON CONFLICT (reference) DO NOTHING"
    );
    let row = |row: MovementRow| {
        let id = MovementId::new(row.at);
        let kind = Name(row.kind);
        (row.product_id, id, kind, row.change, row.reference, row.note, row.at)
    };
    tx.insert_many(sql, rows.into_iter().map(row)).await
}

/// Finds the entries that have a reference of these movements, by reference.
pub(crate) async fn recorded_movements(
    db: &mut Queries,
    movements: &[NewMovement],
) -> Result<HashMap<String, RecordedMovement>, CallFailure> {
    let references: List<String> = movements.iter().map(|movement| movement.reference.clone()).collect();
    let sql = sql!(
        sqlite: "SELECT reference, product_id, kind, change FROM movements \
                 WHERE reference IN (SELECT value FROM json_each($1))",
        postgres: "SELECT reference, product_id, kind, change FROM movements WHERE reference = ANY($1)",
    );
    let rows: Vec<(String, ProductId, Name<MovementKind>, i64)> = db.fetch_all(sql, (references,)).await?;
    let recorded = |(reference, product_id, Name(kind), change)| {
        let movement = RecordedMovement {
            product_id,
            kind,
            change,
        };
        (reference, movement)
    };
    Ok(rows.into_iter().map(recorded).collect())
}

/// Reads up to `limit` entries of a product before `before`, newest first.
pub(crate) async fn movements(
    db: &mut Queries,
    product_id: ProductId,
    before: Option<MovementId>,
    limit: u32,
) -> Result<Vec<(MovementId, Movement)>, CallFailure> {
    let before = before.unwrap_or(MovementId::from_uuid(Uuid::max()));
    let sql = sql!(
        "SELECT id, kind, change, reference, note, at FROM movements WHERE product_id = $1 AND id < $2 \
         ORDER BY id DESC LIMIT $3"
    );
    type Row = (MovementId, Name<MovementKind>, i64, Option<String>, String, Timestamp);
    let rows: Vec<Row> = db.fetch_all(sql, (product_id, before, i64::from(limit))).await?;
    let movement = |(id, Name(kind), change, reference, note, at): Row| {
        let movement = Movement {
            product_id,
            kind,
            change,
            reference,
            note,
            at,
        };
        (id, movement)
    };
    Ok(rows.into_iter().map(movement).collect())
}
