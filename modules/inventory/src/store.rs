//! The inventory as rows. Takes a transaction or a read and decides nothing.
//!
//! Whoever changes several products locks their rows in the order of their ids, so that nobody waits in a circle. SQLite
//! has one writer at a time and needs no locks, which is why some statements have two texts.

// What is there.
mod stock;
// Why.
mod ledger;
// What is promised.
mod reservations;

pub(crate) use self::ledger::{MovementId, MovementRow, add_movements, movements, recorded};
pub(crate) use self::reservations::{
    add_lines, add_reservation, expire, give_back, references, reservation, reservations, reserve, run_out, state_text,
    take, turn,
};
pub(crate) use self::stock::{add, balances, change, level, levels, lock, remove};

use offshoot_contract::CallFailure;

/// The schema checks what is stored, so a failure means that it was bypassed.
fn damaged(what: &str) -> CallFailure {
    CallFailure::internal(format!("the inventory's database holds {what}"))
}
