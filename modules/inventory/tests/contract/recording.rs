//! Recording of external movements: tests of `record_many`.

use futures_util::future::join_all;
use inventory_api::v1::{InventoryError, MovementKind, MovementOutcome, NewMovement, ProductId};
use offshoot_contract::{Clock as _, Timestamp};

use crate::T;
use crate::adjusting::{levels, product};

pub(crate) fn movement(product_id: ProductId, kind: MovementKind, change: i64, reference: &str) -> NewMovement {
    NewMovement {
        product_id,
        kind,
        change,
        reference: reference.to_owned(),
        note: String::new(),
        at: Timestamp::from_micros(1_000_000).unwrap(),
    }
}

pub(crate) async fn each_movement_has_an_outcome(t: T) {
    let (a, b) = (product(), product());
    let late = NewMovement {
        at: t.clock.now().plus(std::time::Duration::from_secs(1)),
        ..movement(a, MovementKind::Received, 1, "late")
    };
    let movements = vec![
        movement(a, MovementKind::Received, 10, "1"),
        movement(a, MovementKind::Sold, -4, "2"),
        movement(a, MovementKind::Sold, -7, "3"),
        movement(b, MovementKind::Received, 10, "1"),
        movement(b, MovementKind::Sold, 1, "4"),
        movement(b, MovementKind::Returned, 2, ""),
        late,
        movement(b, MovementKind::Returned, 2, "5"),
    ];
    let outcomes = t.api.record_many(&mut t.cx(), movements).await.unwrap();
    let fields: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            MovementOutcome::Rejected { field, .. } => field.as_str(),
            MovementOutcome::Recorded => "recorded",
            MovementOutcome::Insufficient { available: 6 } => "6 left",
            MovementOutcome::Differs => "differs",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        fields,
        [
            "recorded",
            "recorded",
            "6 left",
            "differs",
            "change",
            "reference",
            "at",
            "recorded"
        ]
    );
    assert_eq!((levels(&t, a).await, levels(&t, b).await), ([6, 0, 6], [2, 0, 2]));
}

pub(crate) async fn a_reference_is_recorded_once(t: T) {
    let id = product();
    let movements = vec![
        movement(id, MovementKind::Received, 10, "1"),
        movement(id, MovementKind::Sold, -4, "2"),
    ];
    t.api.record_many(&mut t.cx(), movements.clone()).await.unwrap();
    let repeated = t.api.record_many(&mut t.cx(), movements).await.unwrap();
    assert_eq!(repeated, [MovementOutcome::Known, MovementOutcome::Known]);
    assert_eq!(levels(&t, id).await, [6, 0, 6]);
}

pub(crate) async fn concurrent_repeats_are_recorded_once(t: T) {
    let id = product();
    let movements: Vec<_> = (1..=20)
        .map(|n| movement(id, MovementKind::Received, n, &n.to_string()))
        .collect();
    let calls = (0..6).map(|_| async { t.once.record_many(&mut t.cx(), movements.clone()).await });
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(levels(&t, id).await, [210, 0, 210]);
}

pub(crate) async fn too_many_movements_are_rejected(t: T) {
    let movements = vec![movement(product(), MovementKind::Received, 1, "1"); 1_001];
    let error = t.api.record_many(&mut t.cx(), movements).await.unwrap_err();
    assert_eq!(
        error,
        InventoryError::TooManyItems {
            given: 1_001,
            limit: 1_000
        }
    );
    assert_eq!(t.api.record_many(&mut t.cx(), Vec::new()).await.unwrap(), []);
}
