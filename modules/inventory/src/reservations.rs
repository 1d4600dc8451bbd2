//! Lifecycle of a reservation: held, then committed, released or expired. Each state change is conditional on the
//! previous state, so of two concurrent changes only one succeeds.

use inventory_api::v1::{InventoryError, ProductId, Reservation, ReservationState, ReservedLine, Shortage};
use offshoot_contract::{CallContext, Timestamp};
use offshoot_db::Tx;

use crate::events::publish_stock_changes;
use crate::recording::Level;
use crate::store::{self, MovementRow};
use crate::{Inventory, validation};

impl Inventory {
    pub(crate) async fn make_reservation(
        &self,
        cx: &mut CallContext,
        reference: String,
        lines: Vec<ReservedLine>,
        expires_at: Timestamp,
    ) -> Result<Reservation, InventoryError> {
        let lines = validation::check_lines(&reference, &lines)?;
        let mut tx = self.db.begin(cx).await?;
        if !store::add_reservation(&mut tx, &reference, ReservationState::Held, expires_at).await? {
            let before = load_reservation(&mut tx, &reference).await?;
            return match before.state {
                ReservationState::Released => Err(InventoryError::ReservationReleased { reference }),
                _ if before.lines != lines => Err(InventoryError::ReservationDiffers { reference }),
                _ => Ok(tx.commit(before).await?),
            };
        }
        store::add_lines(&mut tx, &reference, &lines).await?;
        let reserved = store::reserve(&mut tx, &reference).await?;
        if reserved.len() < lines.len() {
            return Err(insufficient_stock(&mut tx, &unreserved_lines(&lines, &reserved)).await?);
        }
        publish_stock_changes(&mut tx, reserved).await?;
        let state = ReservationState::Held;
        Ok(tx
            .commit(Reservation {
                reference,
                lines,
                state,
                expires_at,
            })
            .await?)
    }

    pub(crate) async fn commit_reservation(
        &self,
        cx: &mut CallContext,
        reference: String,
    ) -> Result<Reservation, InventoryError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let held =
            store::change_state(&mut tx, &reference, ReservationState::Held, ReservationState::Committed).await?;
        let expired = !held
            && store::change_state(
                &mut tx,
                &reference,
                ReservationState::Expired,
                ReservationState::Committed,
            )
            .await?;
        let reservation = load_reservation(&mut tx, &reference).await?;
        if !held && !expired {
            return match reservation.state {
                ReservationState::Released => Err(InventoryError::ReservationReleased { reference }),
                _ => Ok(tx.commit(reservation).await?),
            };
        }
        if expired {
            // Expiry released the units, so the commit reserves them again if enough are available.
            let reserved = store::reserve(&mut tx, &reference).await?;
            let short = unreserved_lines(&reservation.lines, &reserved);
            if !short.is_empty() {
                return Err(insufficient_stock(&mut tx, &short).await?);
            }
            publish_stock_changes(&mut tx, levels_after_commit(&reservation.lines, reserved)).await?;
        }
        store::remove_reserved_units(&mut tx, &reference).await?;
        let sold = reservation.lines.iter().zip(1..);
        let sold = sold.map(|(line, number)| MovementRow::sold(line, format!("{reference}/{number}"), now));
        store::add_movements(&mut tx, sold.collect()).await?;
        Ok(tx.commit(reservation).await?)
    }

    pub(crate) async fn release_reservation(
        &self,
        cx: &mut CallContext,
        reference: String,
    ) -> Result<(), InventoryError> {
        validation::check_reference(&reference).map_err(|error| InventoryError::InvalidReservation {
            field: "reference".to_owned(),
            reason: error.to_string(),
        })?;
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        // The insert comes first: either the insert waits for a concurrent `reserve`, or that `reserve` is refused.
        if !store::add_reservation(&mut tx, &reference, ReservationState::Released, now).await? {
            if store::change_state(&mut tx, &reference, ReservationState::Held, ReservationState::Released).await? {
                let levels = store::release_units(&mut tx, std::slice::from_ref(&reference)).await?;
                publish_stock_changes(&mut tx, levels).await?;
            } else if !store::change_state(
                &mut tx,
                &reference,
                ReservationState::Expired,
                ReservationState::Released,
            )
            .await?
                && load_reservation(&mut tx, &reference).await?.state == ReservationState::Committed
            {
                return Err(InventoryError::ReservationCommitted { reference });
            }
        }
        Ok(tx.commit(()).await?)
    }
}

/// The lines without a reservation.
fn unreserved_lines(lines: &[ReservedLine], reserved: &[(ProductId, Level)]) -> Vec<ReservedLine> {
    let is_reserved = |line: &ReservedLine| reserved.iter().any(|(id, _)| *id == line.product_id);
    lines.iter().copied().filter(|line| !is_reserved(line)).collect()
}

/// Stock levels after the reserved units have left.
fn levels_after_commit(lines: &[ReservedLine], reserved: Vec<(ProductId, Level)>) -> Vec<(ProductId, Level)> {
    let quantity = |id| {
        let line = lines.iter().find(|line| line.product_id == id);
        line.map_or(0, |line| i64::from(line.quantity))
    };
    let after = |(id, level): (ProductId, Level)| {
        let left = Level {
            on_hand: level.on_hand - quantity(id),
            reserved: level.reserved - quantity(id),
        };
        (id, left)
    };
    reserved.into_iter().map(after).collect()
}

async fn load_reservation(tx: &mut Tx<'_>, reference: &str) -> Result<Reservation, InventoryError> {
    let found = store::reservation(tx, reference).await?;
    found.ok_or_else(|| InventoryError::UnknownReservation {
        reference: reference.to_owned(),
    })
}

/// Builds the error with the available units of each line. Must run in the transaction that locks the rows, so that the
/// numbers are exact.
async fn insufficient_stock(tx: &mut Tx<'_>, short: &[ReservedLine]) -> Result<InventoryError, InventoryError> {
    let products: Vec<_> = short.iter().map(|line| line.product_id).collect();
    let levels = store::levels(tx, products).await?;
    let shortage = |line: &ReservedLine| Shortage {
        product_id: line.product_id,
        requested: line.quantity,
        available: levels.get(&line.product_id).copied().unwrap_or_default().available(),
    };
    Ok(InventoryError::InsufficientStock {
        shortages: short.iter().map(shortage).collect(),
    })
}
