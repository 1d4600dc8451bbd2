//! The life of a promise: held, then committed, released or expired. Each change of state is conditional on the state
//! before, so of two that come at once one happens.

use inventory_api::v1::{InventoryError, ProductId, Reservation, ReservationState, ReservedLine, Shortage};
use offshoot_contract::{CallContext, Timestamp};
use offshoot_db::Tx;

use crate::announcing::announce;
use crate::recording::Level;
use crate::store::{self, MovementRow};
use crate::{Inventory, validation};

impl Inventory {
    pub(crate) async fn promise(
        &self,
        cx: &mut CallContext,
        reference: String,
        lines: Vec<ReservedLine>,
        expires_at: Timestamp,
    ) -> Result<Reservation, InventoryError> {
        let lines = validation::check_lines(&reference, &lines)?;
        let mut tx = self.db.begin(cx).await?;
        if !store::add_reservation(&mut tx, &reference, ReservationState::Held, expires_at).await? {
            let before = known(&mut tx, &reference).await?;
            return match before.state {
                ReservationState::Released => Err(InventoryError::ReservationReleased { reference }),
                _ if before.lines != lines => Err(InventoryError::ReservationDiffers { reference }),
                _ => Ok(tx.commit(before).await?),
            };
        }
        store::add_lines(&mut tx, &reference, &lines).await?;
        let promised = store::reserve(&mut tx, &reference).await?;
        if promised.len() < lines.len() {
            return Err(shortage(&mut tx, &short_of(&lines, &promised)).await?);
        }
        announce(&mut tx, promised).await?;
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

    pub(crate) async fn send_off(
        &self,
        cx: &mut CallContext,
        reference: String,
    ) -> Result<Reservation, InventoryError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let held = store::turn(&mut tx, &reference, ReservationState::Held, ReservationState::Committed).await?;
        let expired = !held
            && store::turn(
                &mut tx,
                &reference,
                ReservationState::Expired,
                ReservationState::Committed,
            )
            .await?;
        let reservation = known(&mut tx, &reference).await?;
        if !held && !expired {
            return match reservation.state {
                ReservationState::Released => Err(InventoryError::ReservationReleased { reference }),
                _ => Ok(tx.commit(reservation).await?),
            };
        }
        if expired {
            // The promise was taken back, so it is made once more, if there is still enough.
            let promised = store::reserve(&mut tx, &reference).await?;
            let short = short_of(&reservation.lines, &promised);
            if !short.is_empty() {
                return Err(shortage(&mut tx, &short).await?);
            }
            announce(&mut tx, taken(&reservation.lines, promised)).await?;
        }
        store::take(&mut tx, &reference).await?;
        let sold = reservation.lines.iter().zip(1..);
        let sold = sold.map(|(line, place)| MovementRow::sold(line, format!("{reference}/{place}"), now));
        store::add_movements(&mut tx, sold.collect()).await?;
        Ok(tx.commit(reservation).await?)
    }

    pub(crate) async fn take_back(&self, cx: &mut CallContext, reference: String) -> Result<(), InventoryError> {
        validation::check_reference(&reference).map_err(|reason| InventoryError::InvalidReservation {
            field: "reference".to_owned(),
            reason,
        })?;
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        // First of all, so that a reservation that is being made at this moment is waited for, or refused.
        if !store::add_reservation(&mut tx, &reference, ReservationState::Released, now).await? {
            if store::turn(&mut tx, &reference, ReservationState::Held, ReservationState::Released).await? {
                let levels = store::give_back(&mut tx, std::slice::from_ref(&reference)).await?;
                announce(&mut tx, levels).await?;
            } else if !store::turn(
                &mut tx,
                &reference,
                ReservationState::Expired,
                ReservationState::Released,
            )
            .await?
                && known(&mut tx, &reference).await?.state == ReservationState::Committed
            {
                return Err(InventoryError::ReservationCommitted { reference });
            }
        }
        Ok(tx.commit(()).await?)
    }
}

/// The lines that were not promised.
fn short_of(lines: &[ReservedLine], promised: &[(ProductId, Level)]) -> Vec<ReservedLine> {
    let is_promised = |line: &ReservedLine| promised.iter().any(|(id, _)| *id == line.product_id);
    lines.iter().copied().filter(|line| !is_promised(line)).collect()
}

/// What is there once the goods that are promised have left.
fn taken(lines: &[ReservedLine], promised: Vec<(ProductId, Level)>) -> Vec<(ProductId, Level)> {
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
    promised.into_iter().map(after).collect()
}

async fn known(tx: &mut Tx<'_>, reference: &str) -> Result<Reservation, InventoryError> {
    let found = store::reservation(tx, reference).await?;
    found.ok_or_else(|| InventoryError::UnknownReservation {
        reference: reference.to_owned(),
    })
}

/// What is short of each of these lines. In the transaction that holds their rows, so that it is true.
async fn shortage(tx: &mut Tx<'_>, short: &[ReservedLine]) -> Result<InventoryError, InventoryError> {
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
