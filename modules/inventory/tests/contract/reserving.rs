//! Promises: made, kept, taken back, run out.

use std::time::Duration;

use inventory_api::v1::{InventoryError, ProductId, Reservation, ReservationState, ReservedLine};
use offshoot_contract::{CallContext, Clock as _};

use crate::T;
use crate::adjusting::{levels, product, receive};

const QUARTER: Duration = Duration::from_secs(15 * 60);

fn lines(lines: &[(ProductId, u32)]) -> Vec<ReservedLine> {
    let line = |&(product_id, quantity)| ReservedLine { product_id, quantity };
    lines.iter().map(line).collect()
}

/// For a quarter of an hour.
pub(crate) async fn reserve(t: &T, reference: &str, of: &[(ProductId, u32)]) -> Result<Reservation, InventoryError> {
    let until = t.clock.now().plus(QUARTER);
    t.api.reserve(&mut t.cx(), reference.to_owned(), lines(of), until).await
}

async fn commit(t: &T, reference: &str) -> Result<Reservation, InventoryError> {
    t.api.commit(&mut t.cx(), reference.to_owned()).await
}

async fn release(t: &T, reference: &str) -> Result<(), InventoryError> {
    t.api.release(&mut t.cx(), reference.to_owned()).await
}

async fn run_out(t: &T) -> u64 {
    t.world.expire(&mut CallContext::root("test")).await.unwrap()
}

pub(crate) async fn a_promise_takes_from_what_is_available(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    let reservation = reserve(&t, "a", &[(id, 4)]).await.unwrap();
    assert_eq!(
        (reservation.state, reservation.lines.len()),
        (ReservationState::Held, 1)
    );
    assert_eq!(levels(&t, id).await, [10, 4, 6]);
}

pub(crate) async fn all_lines_or_none(t: T) {
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

pub(crate) async fn a_reference_means_one_thing_for_ever(t: T) {
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

pub(crate) async fn goods_leave_once(t: T) {
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

pub(crate) async fn a_promise_can_be_taken_back(t: T) {
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

pub(crate) async fn what_was_released_before_it_was_made_is_refused(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    release(&t, "late").await.unwrap();
    let error = reserve(&t, "late", &[(id, 4)]).await.unwrap_err();
    assert!(matches!(error, InventoryError::ReservationReleased { .. }), "{error:?}");
    assert_eq!(levels(&t, id).await, [10, 0, 10]);
}

pub(crate) async fn goods_that_have_left_are_not_released(t: T) {
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

pub(crate) async fn a_promise_runs_out(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    reserve(&t, "a", &[(id, 4)]).await.unwrap();
    reserve(&t, "b", &[(id, 1)]).await.unwrap();
    assert_eq!(run_out(&t).await, 0);
    t.clock.advance(QUARTER);
    assert_eq!(run_out(&t).await, 2);
    assert_eq!(run_out(&t).await, 0);
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

pub(crate) async fn a_promise_that_ran_out_is_kept_while_there_is_enough(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    for reference in ["a", "b"] {
        reserve(&t, reference, &[(id, 4)]).await.unwrap();
    }
    t.clock.advance(QUARTER);
    run_out(&t).await;
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

pub(crate) async fn lines_must_make_sense(t: T) {
    let id = product();
    let many: Vec<_> = (0..1_501).map(|_| (product(), 1)).collect();
    for (reference, of, named) in [
        ("a", vec![], "lines"),
        ("a", vec![(id, 0)], "lines[0].quantity"),
        ("a", vec![(id, 1), (product(), 1_000_001)], "lines[1].quantity"),
        ("a", vec![(id, 1), (id, 1)], "lines[1].product_id"),
        ("a", many, "lines"),
        ("a b", vec![(id, 1)], "reference"),
        (&*"x".repeat(101), vec![(id, 1)], "reference"),
    ] {
        let error = reserve(&t, reference, &of).await.unwrap_err();
        let InventoryError::InvalidReservation { field, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(field, named);
    }
    let error = release(&t, "a b").await.unwrap_err();
    assert!(matches!(error, InventoryError::InvalidReservation { .. }), "{error:?}");
}
