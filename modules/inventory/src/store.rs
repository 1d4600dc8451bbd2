//! SQL of the inventory tables. Runs in the caller's transaction or read and makes no decisions.
//!
//! A transaction that changes several products locks the rows in the order of the product ids, so that transactions
//! cannot deadlock. SQLite has one writer at a time and needs no locks; therefore some statements have two texts.

// Stock levels.
mod stock;
// The ledger: every change of a stock level.
mod ledger;
// Reservations.
mod reservations;

pub(crate) use self::ledger::{MovementId, MovementRow, add_movements, movements, recorded_movements};
pub(crate) use self::reservations::{
    add_lines, add_reservation, change_state, mark_expired, overdue, references, release_units, remove_reserved_units,
    reservation, reservations, reserve,
};
pub(crate) use self::stock::{add_units, balances, change_levels, level, levels, lock_levels, remove_units};

use offshoot_contract::CallFailure;

/// Failure for invalid stored data. The schema checks the columns, so somebody must have bypassed the schema.
fn corrupt(finding: &str) -> CallFailure {
    CallFailure::internal(format!("the inventory database contains {finding}"))
}
