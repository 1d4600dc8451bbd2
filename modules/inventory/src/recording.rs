//! What a set of movements from elsewhere comes to: which are written and what became of each, worked out before anything
//! is written. Knows no database; every function is pure.

use std::collections::{BTreeMap, HashMap};

use inventory_api::v1::{MovementKind, MovementOutcome, NewMovement, ProductId};
use offshoot_contract::Timestamp;

use crate::validation::{self, MAX_ON_HAND};

/// A movement that is in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) product_id: ProductId,
    pub(crate) kind: MovementKind,
    pub(crate) change: i64,
}

impl Recorded {
    fn of(movement: &NewMovement) -> Self {
        Self {
            product_id: movement.product_id,
            kind: movement.kind,
            change: movement.change,
        }
    }
}

/// What is there of a product, and what is promised of it.
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

/// What is to be written, and what became of each movement.
pub(crate) struct Recording {
    pub(crate) movements: Vec<NewMovement>,
    /// By product id, so that all who write lock in one order. Not those whose sum is zero.
    pub(crate) changes: BTreeMap<ProductId, i64>,
    pub(crate) outcomes: Vec<MovementOutcome>,
}

impl Recording {
    /// Judges each movement after those before it, given the ledger's entries with the same references and the levels of
    /// the products.
    pub(crate) fn of(
        movements: Vec<NewMovement>,
        mut known: HashMap<String, Recorded>,
        mut levels: HashMap<ProductId, Level>,
        now: Timestamp,
    ) -> Self {
        let mut recording = Self {
            movements: Vec::with_capacity(movements.len()),
            changes: BTreeMap::new(),
            outcomes: Vec::with_capacity(movements.len()),
        };
        for movement in movements {
            let outcome = judge(&movement, &known, &mut levels, now);
            if outcome == MovementOutcome::Recorded {
                known.insert(movement.reference.clone(), Recorded::of(&movement));
                *recording.changes.entry(movement.product_id).or_default() += movement.change;
                recording.movements.push(movement);
            }
            recording.outcomes.push(outcome);
        }
        recording.changes.retain(|_, change| *change != 0);
        recording
    }
}

fn judge(
    movement: &NewMovement,
    known: &HashMap<String, Recorded>,
    levels: &mut HashMap<ProductId, Level>,
    now: Timestamp,
) -> MovementOutcome {
    if let Err((field, reason)) = validation::check_movement(movement, now) {
        return rejected(field, reason);
    }
    if let Some(before) = known.get(&movement.reference) {
        return if *before == Recorded::of(movement) {
            MovementOutcome::Known
        } else {
            MovementOutcome::Differs
        };
    }
    let level = levels.entry(movement.product_id).or_default();
    let on_hand = level.on_hand + movement.change;
    if on_hand > MAX_ON_HAND {
        return rejected("change", format!("makes more than {MAX_ON_HAND} units of one product"));
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
        Timestamp::from_micros(micros).expect("a time")
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

    fn outcomes(recording: &Recording) -> String {
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
    fn each_movement_is_judged_after_those_before_it() {
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
        let recording = Recording::of(movements, HashMap::new(), HashMap::new(), time(9));
        assert_eq!(outcomes(&recording), "irrikdx");
        assert_eq!(recording.movements.len(), 2);
        assert!(recording.changes.is_empty(), "5 came and went");
    }

    #[test]
    fn what_is_promised_is_not_taken() {
        let a = ProductId::new(time(0));
        let level = Level {
            on_hand: 10,
            reserved: 8,
        };
        let movements = vec![
            movement(a, MovementKind::Adjusted, -3, "1"),
            movement(a, MovementKind::Adjusted, -2, "2"),
        ];
        let recording = Recording::of(movements, HashMap::new(), HashMap::from([(a, level)]), time(9));
        assert_eq!(recording.outcomes[0], MovementOutcome::Insufficient { available: 2 });
        assert_eq!(recording.changes, BTreeMap::from([(a, -2)]));
    }

    #[test]
    fn there_is_a_most() {
        let a = ProductId::new(time(0));
        let level = Level {
            on_hand: MAX_ON_HAND,
            reserved: 0,
        };
        let movements = vec![movement(a, MovementKind::Received, 1, "1")];
        let recording = Recording::of(movements, HashMap::new(), HashMap::from([(a, level)]), time(9));
        assert_eq!(outcomes(&recording), "x");
    }
}
