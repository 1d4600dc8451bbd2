//! Validation of movements, references and reservation lines. Must not know the database; every function is pure.

use std::collections::BTreeMap;

use inventory_api::v1::{
    InventoryError, MAX_LINES, MAX_NOTE_CHARS, MAX_QUANTITY, MAX_REFERENCE_BYTES, MovementKind, NewMovement,
    ReservedLine,
};
use offshoot_contract::Timestamp;
use offshoot_contract::text::{InvalidText, check_printable, check_storable};

/// Maximum units of one product on hand: far above any warehouse, and small enough that sums never overflow.
pub(crate) const MAX_ON_HAND: i64 = 1_000_000_000_000;

/// An invalid field: the field's name, and why the value is invalid.
pub(crate) type InvalidField = (&'static str, String);

/// Checks a movement to record.
pub(crate) fn check_movement(movement: &NewMovement, now: Timestamp) -> Result<(), InvalidField> {
    check_reference(&movement.reference).map_err(|error| ("reference", error.to_string()))?;
    check_change(movement.kind, movement.change)?;
    check_note(&movement.note)?;
    if movement.at > now {
        return Err(("at", format!("{} is in the future", movement.at)));
    }
    Ok(())
}

/// Checks that a change has the sign required by the kind and is within the limit.
pub(crate) fn check_change(kind: MovementKind, change: i64) -> Result<(), InvalidField> {
    let (has_valid_sign, required) = match kind {
        MovementKind::Received | MovementKind::Returned => (change > 0, "above zero"),
        MovementKind::Sold => (change < 0, "below zero"),
        MovementKind::Adjusted => (change != 0, "other than zero"),
    };
    if has_valid_sign && change.unsigned_abs() <= u64::from(MAX_QUANTITY) {
        return Ok(());
    }
    Err((
        "change",
        format!("{change} is not valid: must be {required}, and at most {MAX_QUANTITY} units"),
    ))
}

pub(crate) fn check_note(note: &str) -> Result<(), InvalidField> {
    let characters = note.chars().count();
    if characters > MAX_NOTE_CHARS {
        return Err((
            "note",
            format!("has {characters} characters, but the limit is {MAX_NOTE_CHARS}"),
        ));
    }
    check_storable(note).map_err(|error| ("note", error.to_string()))
}

/// Checks a reference.
pub(crate) fn check_reference(reference: &str) -> Result<(), InvalidText> {
    check_printable(reference, MAX_REFERENCE_BYTES)
}

/// Validates the lines of a reservation and sorts them by product id. Fails with `InvalidReservation`.
pub(crate) fn check_lines(reference: &str, lines: &[ReservedLine]) -> Result<Vec<ReservedLine>, InventoryError> {
    let invalid = |field: String, reason: String| InventoryError::InvalidReservation { field, reason };
    check_reference(reference).map_err(|error| invalid("reference".to_owned(), error.to_string()))?;
    if lines.is_empty() || lines.len() > MAX_LINES as usize {
        let reason = format!("has {} lines, but must have 1 to {MAX_LINES}", lines.len());
        return Err(invalid("lines".to_owned(), reason));
    }
    let mut by_product = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        if !(1..=MAX_QUANTITY).contains(&line.quantity) {
            let reason = format!("{} is not between 1 and {MAX_QUANTITY}", line.quantity);
            return Err(invalid(format!("lines[{index}].quantity"), reason));
        }
        if by_product.insert(line.product_id, *line).is_some() {
            let reason = format!("{} appears in two lines: give one line with the sum", line.product_id);
            return Err(invalid(format!("lines[{index}].product_id"), reason));
        }
    }
    Ok(by_product.into_values().collect())
}
