//! Time that is over: of one step, and of the whole.

use std::time::{Duration, Instant};

use offshoot_contract::FailureKind;
use offshoot_saga::Halt;

use crate::on_both_engines;
use crate::store::{LEASE, Store};
use crate::trips::{BOOKING, PATIENCE, UNDECIDED};
use crate::world::Fault;

on_both_engines! {
    a_step_that_hangs_ends_with_its_own_time,
    what_is_not_decided_in_time_is_undone,
    what_is_decided_is_carried_through_however_late,
}

async fn a_step_that_hangs_ends_with_its_own_time(store: Store) {
    let trips = store.process().await;
    store.world.next("bed", [Fault::HangsAfterwards]);
    let start = Instant::now();
    let halt = trips.all(&BOOKING, "a").await.unwrap_err();
    assert!(
        (PATIENCE..20 * PATIENCE).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    let Halt::Trouble { step, failure } = halt else {
        panic!("{halt:?}");
    };
    assert_eq!((step.as_deref(), failure.kind()), (Some("bed"), &FailureKind::Timeout));
    assert!(failure.may_have_executed());
    store.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(trips.status("a").await, "booked, ended");
}

async fn what_is_not_decided_in_time_is_undone(store: Store) {
    let trips = store.process().await;
    store.world.next("bed", [Fault::Away; 2]);
    trips.all(&BOOKING, "a").await.unwrap_err();
    store.clock.advance(UNDECIDED - Duration::from_micros(1));
    assert_eq!(trips.resume().await, 0);
    store.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(
        trips.status("a").await,
        "given up: interrupted; free-bed, free-seat, ended"
    );
}

async fn what_is_decided_is_carried_through_however_late(store: Store) {
    let trips = store.process().await;
    store.world.next("ticket", [Fault::Away]);
    trips.all(&BOOKING, "a").await.unwrap_err();
    store.clock.advance(100 * UNDECIDED);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(trips.status("a").await, "booked, ended");
}
