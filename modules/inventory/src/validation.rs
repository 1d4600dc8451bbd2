//! What is acceptable. Knows no database; every function is pure.

use std::collections::BTreeMap;

use inventory_api::v1::{
    InventoryError, MAX_LINES, MAX_NOTE_CHARS, MAX_QUANTITY, MAX_REFERENCE_BYTES, MovementKind, NewMovement,
    ReservedLine,
};
use offshoot_contract::Timestamp;

/// Most units of one product. Far above any warehouse, and far below where sums of them would not fit.
pub(crate) const MAX_ON_HAND: i64 = 1_000_000_000_000;

/// A field, and what is wrong with it.
pub(crate) type Unacceptable = (&'static str, String);

/// Whether a movement from elsewhere may be recorded.
pub(crate) fn check_movement(movement: &NewMovement, now: Timestamp) -> Result<(), Unacceptable> {
    check_reference(&movement.reference).map_err(|reason| ("reference", reason))?;
    check_change(movement.kind, movement.change)?;
    check_note(&movement.note)?;
    if movement.at > now {
        return Err(("at", format!("{} is in the future", movement.at)));
    }
    Ok(())
}

/// Whether a change has the sign of its kind.
pub(crate) fn check_change(kind: MovementKind, change: i64) -> Result<(), Unacceptable> {
    let (fits, right) = match kind {
        MovementKind::Received | MovementKind::Returned => (change > 0, "above zero"),
        MovementKind::Sold => (change < 0, "below zero"),
        MovementKind::Adjusted => (change != 0, "other than zero"),
    };
    if fits && change.unsigned_abs() <= u64::from(MAX_QUANTITY) {
        return Ok(());
    }
    Err((
        "change",
        format!("{change} is not {right} and at most {MAX_QUANTITY} units"),
    ))
}

pub(crate) fn check_note(note: &str) -> Result<(), Unacceptable> {
    if note.chars().count() <= MAX_NOTE_CHARS && !note.contains('\0') {
        return Ok(());
    }
    Err(("note", format!("has more than {MAX_NOTE_CHARS} characters, or a NUL")))
}

/// Why a text is no reference.
pub(crate) fn check_reference(reference: &str) -> Result<(), String> {
    let printable = reference.bytes().all(|byte| byte.is_ascii_graphic());
    if printable && (1..=MAX_REFERENCE_BYTES).contains(&reference.len()) {
        return Ok(());
    }
    Err(format!(
        "is not 1 to {MAX_REFERENCE_BYTES} printable ASCII characters without blanks"
    ))
}

/// The lines of a reservation by product id. Fails with `InvalidReservation`.
pub(crate) fn check_lines(reference: &str, lines: &[ReservedLine]) -> Result<Vec<ReservedLine>, InventoryError> {
    let invalid = |field: String, reason: String| InventoryError::InvalidReservation { field, reason };
    check_reference(reference).map_err(|reason| invalid("reference".to_owned(), reason))?;
    if lines.is_empty() || lines.len() > MAX_LINES as usize {
        let reason = format!("has {} lines instead of 1 to {MAX_LINES}", lines.len());
        return Err(invalid("lines".to_owned(), reason));
    }
    let mut by_product = BTreeMap::new();
    for (place, line) in lines.iter().enumerate() {
        if !(1..=MAX_QUANTITY).contains(&line.quantity) {
            let reason = format!("{} is not between 1 and {MAX_QUANTITY}", line.quantity);
            return Err(invalid(format!("lines[{place}].quantity"), reason));
        }
        if by_product.insert(line.product_id, *line).is_some() {
            let reason = format!("{} stands in two lines: give one with the sum", line.product_id);
            return Err(invalid(format!("lines[{place}].product_id"), reason));
        }
    }
    Ok(by_product.into_values().collect())
}
