//! Lifecycle of reservations: reserve, commit, release and expire.

use std::time::Duration;

use inventory_api::v1::{InventoryError, ProductId, Reservation, ReservationState, ReservedLine};
use offshoot_contract::{CallContext, Clock as _};

use crate::T;
use crate::adjusting::{levels, product, receive};

const QUARTER_HOUR: Duration = Duration::from_secs(15 * 60);

fn lines(lines: &[(ProductId, u32)]) -> Vec<ReservedLine> {
    let line = |&(product_id, quantity)| ReservedLine { product_id, quantity };
    lines.iter().map(line).collect()
}

/// Reserves the given quantities for a quarter of an hour.
pub(crate) async fn reserve(
    t: &T,
    reference: &str,
    quantities: &[(ProductId, u32)],
) -> Result<Reservation, InventoryError> {
    let until = t.clock.now().plus(QUARTER_HOUR);
    t.api
        .reserve(&mut t.cx(), reference.to_owned(), lines(quantities), until)
        .await
}

async fn commit(t: &T, reference: &str) -> Result<Reservation, InventoryError> {
    t.api.commit(&mut t.cx(), reference.to_owned()).await
}

async fn release(t: &T, reference: &str) -> Result<(), InventoryError> {
    t.api.release(&mut t.cx(), reference.to_owned()).await
}

async fn expire_overdue(t: &T) -> u64 {
    t.fakes
        .expire_reservations(&mut CallContext::root("test"))
        .await
        .unwrap()
}

pub(crate) async fn a_reservation_reduces_the_available_units(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    let reservation = reserve(&t, "a", &[(id, 4)]).await.unwrap();
    assert_eq!(
        (reservation.state, reservation.lines.len()),
        (ReservationState::Held, 1)
    );
    assert_eq!(levels(&t, id).await, [10, 4, 6]);
}

pub(crate) async fn all_lines_are_reserved_or_none(t: T) {
    let (a, b, c) = (product(), product(), product());
    receive(&t, a, 10).await;
    receive(&t, b, 1).await;
    let error = reserve(&t, "a", &[(c, 1), (b, 2), (a, 10)]).await.unwrap_err();
    let InventoryError::InsufficientStock { mut shortages } = error else {
        panic!("{error:?}")
    };
    shortages.sort_by_key(|short| short.available);
    let short: Vec<_> = shortages
        .iter()
        .map(|short| (short.product_id, short.requested, short.available))
        .collect();
    assert_eq!(short, [(c, 1, 0), (b, 2, 1)]);
    assert_eq!((levels(&t, a).await, levels(&t, b).await), ([10, 0, 10], [1, 0, 1]));
    reserve(&t, "a", &[(a, 10), (b, 1)]).await.unwrap();
}

pub(crate) async fn a_reference_identifies_one_reservation_for_ever(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    let first = reserve(&t, "a", &[(id, 4)]).await.unwrap();
    assert_eq!(reserve(&t, "a", &[(id, 4)]).await.unwrap(), first);
    let error = reserve(&t, "a", &[(id, 5)]).await.unwrap_err();
    assert!(matches!(error, InventoryError::ReservationDiffers { .. }), "{error:?}");
    commit(&t, "a").await.unwrap();
    assert_eq!(
        reserve(&t, "a", &[(id, 4)]).await.unwrap().state,
        ReservationState::Committed
    );
    assert_eq!(levels(&t, id).await, [6, 0, 6]);
}

pub(crate) async fn a_commit_removes_the_units_once(t: T) {
    let (a, b) = (product(), product());
    receive(&t, a, 10).await;
    receive(&t, b, 10).await;
    t.clock.advance(Duration::from_secs(1));
    reserve(&t, "a", &[(a, 4), (b, 10)]).await.unwrap();
    assert_eq!(commit(&t, "a").await.unwrap().state, ReservationState::Committed);
    assert_eq!(commit(&t, "a").await.unwrap().state, ReservationState::Committed);
    assert_eq!((levels(&t, a).await, levels(&t, b).await), ([6, 0, 6], [0, 0, 0]));
    let ledger = t.api.movements(&mut t.cx(), a, None, None).await.unwrap().items;
    assert_eq!(ledger.iter().map(|entry| entry.change).collect::<Vec<_>>(), [-4, 10]);
    let error = commit(&t, "b").await.unwrap_err();
    assert!(matches!(error, InventoryError::UnknownReservation { .. }), "{error:?}");
}

pub(crate) async fn a_released_reservation_returns_its_units(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    reserve(&t, "a", &[(id, 4)]).await.unwrap();
    release(&t, "a").await.unwrap();
    release(&t, "a").await.unwrap();
    assert_eq!(levels(&t, id).await, [10, 0, 10]);
    for error in [
        reserve(&t, "a", &[(id, 4)]).await.unwrap_err(),
        commit(&t, "a").await.unwrap_err(),
    ] {
        assert!(matches!(error, InventoryError::ReservationReleased { .. }), "{error:?}");
    }
}

pub(crate) async fn a_reference_released_before_being_reserved_is_refused(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    release(&t, "late").await.unwrap();
    let error = reserve(&t, "late", &[(id, 4)]).await.unwrap_err();
    assert!(matches!(error, InventoryError::ReservationReleased { .. }), "{error:?}");
    assert_eq!(levels(&t, id).await, [10, 0, 10]);
}

pub(crate) async fn a_committed_reservation_cannot_be_released(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    reserve(&t, "a", &[(id, 4)]).await.unwrap();
    commit(&t, "a").await.unwrap();
    let error = release(&t, "a").await.unwrap_err();
    assert!(
        matches!(error, InventoryError::ReservationCommitted { .. }),
        "{error:?}"
    );
    assert_eq!(levels(&t, id).await, [6, 0, 6]);
}

pub(crate) async fn an_overdue_reservation_expires(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    reserve(&t, "a", &[(id, 4)]).await.unwrap();
    reserve(&t, "b", &[(id, 1)]).await.unwrap();
    assert_eq!(expire_overdue(&t).await, 0);
    t.clock.advance(QUARTER_HOUR);
    assert_eq!(expire_overdue(&t).await, 2);
    assert_eq!(expire_overdue(&t).await, 0);
    assert_eq!(levels(&t, id).await, [10, 0, 10]);
    assert_eq!(
        reserve(&t, "a", &[(id, 4)]).await.unwrap().state,
        ReservationState::Expired
    );
    release(&t, "a").await.unwrap();
    assert_eq!(levels(&t, id).await, [10, 0, 10]);
    let error = commit(&t, "a").await.unwrap_err();
    assert!(matches!(error, InventoryError::ReservationReleased { .. }), "{error:?}");
}

pub(crate) async fn an_expired_reservation_can_be_committed_while_units_are_available(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    for reference in ["a", "b"] {
        reserve(&t, reference, &[(id, 4)]).await.unwrap();
    }
    t.clock.advance(QUARTER_HOUR);
    expire_overdue(&t).await;
    reserve(&t, "c", &[(id, 5)]).await.unwrap();
    assert_eq!(commit(&t, "a").await.unwrap().state, ReservationState::Committed);
    let error = commit(&t, "b").await.unwrap_err();
    let InventoryError::InsufficientStock { shortages } = error else {
        panic!("{error:?}")
    };
    assert_eq!((shortages[0].requested, shortages[0].available), (4, 1));
    assert_eq!(levels(&t, id).await, [6, 5, 1]);
    assert_eq!(
        reserve(&t, "b", &[(id, 4)]).await.unwrap().state,
        ReservationState::Expired
    );
}

pub(crate) async fn invalid_reservations_are_rejected(t: T) {
    let id = product();
    let many: Vec<_> = (0..1_501).map(|_| (product(), 1)).collect();
    for (reference, quantities, expected) in [
        ("a", vec![], "lines"),
        ("a", vec![(id, 0)], "lines[0].quantity"),
        ("a", vec![(id, 1), (product(), 1_000_001)], "lines[1].quantity"),
        ("a", vec![(id, 1), (id, 1)], "lines[1].product_id"),
        ("a", many, "lines"),
        ("a b", vec![(id, 1)], "reference"),
        (&*"x".repeat(101), vec![(id, 1)], "reference"),
    ] {
        let error = reserve(&t, reference, &quantities).await.unwrap_err();
        let InventoryError::InvalidReservation { field, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(field, expected);
    }
    let error = release(&t, "a b").await.unwrap_err();
    assert!(matches!(error, InventoryError::InvalidReservation { .. }), "{error:?}");
}
