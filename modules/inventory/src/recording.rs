//! Planning of `record_many`: the movements to write and the outcome of each item, computed before anything is written.
//! Must not know the database; every function is pure.

use std::collections::{BTreeMap, HashMap};

use inventory_api::v1::{MovementKind, MovementOutcome, NewMovement, ProductId};
use offshoot_contract::Timestamp;

use crate::validation::{self, MAX_ON_HAND};

/// A movement in the ledger, reduced to the fields that identify a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordedMovement {
    pub(crate) product_id: ProductId,
    pub(crate) kind: MovementKind,
    pub(crate) change: i64,
}

impl RecordedMovement {
    fn from_new(movement: &NewMovement) -> Self {
        Self {
            product_id: movement.product_id,
            kind: movement.kind,
            change: movement.change,
        }
    }
}

/// Stock level of a product: units on hand, and units reserved of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
}

impl Level {
    pub(crate) fn available(self) -> u64 {
        u64::try_from(self.on_hand - self.reserved).unwrap_or(0)
    }
}

/// The rows to write and the outcomes of one `record_many` call.
pub(crate) struct MovementRecording {
    pub(crate) movements: Vec<NewMovement>,
    /// Change of `on_hand` by product id, without changes that sum up to zero. Sorted, so that all writers lock rows in
    /// the same order.
    pub(crate) changes: BTreeMap<ProductId, i64>,
    pub(crate) outcomes: Vec<MovementOutcome>,
}

impl MovementRecording {
    /// Decides each movement in order, given the ledger entries by reference and the stock levels. Each decision takes
    /// the movements before into account.
    pub(crate) fn plan(
        movements: Vec<NewMovement>,
        mut recorded: HashMap<String, RecordedMovement>,
        mut levels: HashMap<ProductId, Level>,
        now: Timestamp,
    ) -> Self {
        let mut recording = Self {
            movements: Vec::with_capacity(movements.len()),
            changes: BTreeMap::new(),
            outcomes: Vec::with_capacity(movements.len()),
        };
        for movement in movements {
            let outcome = decide_outcome(&movement, &recorded, &mut levels, now);
            if outcome == MovementOutcome::Recorded {
                recorded.insert(movement.reference.clone(), RecordedMovement::from_new(&movement));
                *recording.changes.entry(movement.product_id).or_default() += movement.change;
                recording.movements.push(movement);
            }
            recording.outcomes.push(outcome);
        }
        recording.changes.retain(|_, change| *change != 0);
        recording
    }
}

fn decide_outcome(
    movement: &NewMovement,
    recorded: &HashMap<String, RecordedMovement>,
    levels: &mut HashMap<ProductId, Level>,
    now: Timestamp,
) -> MovementOutcome {
    if let Err((field, reason)) = validation::check_movement(movement, now) {
        return rejected(field, reason);
    }
    if let Some(before) = recorded.get(&movement.reference) {
        return if *before == RecordedMovement::from_new(movement) {
            MovementOutcome::Known
        } else {
            MovementOutcome::Differs
        };
    }
    let level = levels.entry(movement.product_id).or_default();
    let on_hand = level.on_hand + movement.change;
    if on_hand > MAX_ON_HAND {
        return rejected("change", format!("would exceed {MAX_ON_HAND} units of one product"));
    }
    if movement.change < 0 && on_hand < level.reserved {
        return MovementOutcome::Insufficient {
            available: level.available(),
        };
    }
    level.on_hand = on_hand;
    MovementOutcome::Recorded
}

fn rejected(field: &str, reason: String) -> MovementOutcome {
    MovementOutcome::Rejected {
        field: field.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).expect("the time is in range")
    }

    fn movement(product_id: ProductId, kind: MovementKind, change: i64, reference: &str) -> NewMovement {
        NewMovement {
            product_id,
            kind,
            change,
            reference: reference.to_owned(),
            note: String::new(),
            at: time(0),
        }
    }

    fn outcomes(recording: &MovementRecording) -> String {
        let letter = |outcome: &MovementOutcome| match outcome {
            MovementOutcome::Recorded => 'r',
            MovementOutcome::Known => 'k',
            MovementOutcome::Differs => 'd',
            MovementOutcome::Insufficient { .. } => 'i',
            MovementOutcome::Rejected { .. } => 'x',
        };
        recording.outcomes.iter().map(letter).collect()
    }

    #[test]
    fn each_movement_is_decided_after_the_movements_before() {
        let (a, b) = (ProductId::new(time(0)), ProductId::new(time(1)));
        let movements = vec![
            movement(a, MovementKind::Sold, -1, "early"),
            movement(a, MovementKind::Received, 5, "1"),
            movement(a, MovementKind::Sold, -5, "2"),
            movement(a, MovementKind::Sold, -1, "3"),
            movement(a, MovementKind::Received, 5, "1"),
            movement(b, MovementKind::Received, 5, "1"),
            movement(b, MovementKind::Received, -5, "4"),
        ];
        let recording = MovementRecording::plan(movements, HashMap::new(), HashMap::new(), time(9));
        assert_eq!(outcomes(&recording), "irrikdx");
        assert_eq!(recording.movements.len(), 2);
        assert!(recording.changes.is_empty(), "the changes sum up to zero");
    }

    #[test]
    fn reserved_units_cannot_be_removed() {
        let a = ProductId::new(time(0));
        let level = Level {
            on_hand: 10,
            reserved: 8,
        };
        let movements = vec![
            movement(a, MovementKind::Adjusted, -3, "1"),
            movement(a, MovementKind::Adjusted, -2, "2"),
        ];
        let recording = MovementRecording::plan(movements, HashMap::new(), HashMap::from([(a, level)]), time(9));
        assert_eq!(recording.outcomes[0], MovementOutcome::Insufficient { available: 2 });
        assert_eq!(recording.changes, BTreeMap::from([(a, -2)]));
    }

    #[test]
    fn stock_above_the_maximum_is_rejected() {
        let a = ProductId::new(time(0));
        let level = Level {
            on_hand: MAX_ON_HAND,
            reserved: 0,
        };
        let movements = vec![movement(a, MovementKind::Received, 1, "1")];
        let recording = MovementRecording::plan(movements, HashMap::new(), HashMap::from([(a, level)]), time(9));
        assert_eq!(outcomes(&recording), "x");
    }
}
