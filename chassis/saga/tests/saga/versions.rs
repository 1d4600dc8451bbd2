//! Sagas in flight while the binary that carries them is replaced.

use crate::on_both_engines;
use crate::store::{LEASE, Store, cx};
use crate::trips::{BOOKING, BOOKING_2, EXTRAS, Trips};
use crate::world::Fault;

on_both_engines! {
    one_in_flight_goes_on_under_its_own_version,
    one_of_an_unknown_version_is_left_alone,
    a_plan_that_was_changed_without_a_version_is_not_guessed_at,
}

async fn broken_off(store: &Store, trips: &Trips) {
    store.world.next("bed", [Fault::Away]);
    trips.all(&BOOKING, "a").await.unwrap_err();
    store.clock.advance(LEASE);
}

async fn one_in_flight_goes_on_under_its_own_version(store: Store) {
    broken_off(&store, &store.process().await).await;
    let newer = store.process_that_knows(vec![BOOKING_2, BOOKING]).await;
    assert_eq!(newer.resume().await, 1);
    assert_eq!(store.world.calls(), ["seat", "bed", "seat", "bed", "ticket", "bill"]);
    newer.all(&BOOKING_2, "b").await.unwrap();
    assert_eq!(store.world.calls()[6..], ["insurance", "seat", "bed"]);
}

async fn one_of_an_unknown_version_is_left_alone(store: Store) {
    let older = store.process().await;
    broken_off(&store, &older).await;
    drop(older.begin(&EXTRAS, "b").await);
    store.clock.advance(LEASE);
    let before = older.shown("a").await;
    let newer = store.process_that_knows(vec![BOOKING_2, EXTRAS]).await;
    // It keeps nobody else.
    assert_eq!(newer.resume().await, 1);
    assert_eq!(newer.shown("a").await, before);
    let mut cx = cx();
    let mut tx = newer.db.begin(&mut cx).await.unwrap();
    let standing = newer.sagas.find(&mut tx, "a", "booking").await.unwrap().unwrap();
    let taken = newer.sagas.take_over(&newer, &mut tx, &standing).await;
    assert!(taken.is_err_and(|failure| {
        failure
            .to_string()
            .contains("booking, version 1, which is unknown here")
    }));
    drop(tx);
    assert_eq!(newer.shown("a").await, before);
    // A binary that knows it carries it on.
    assert_eq!(older.resume().await, 1);
    assert_eq!(older.status("a").await, "booked, ended");
}

async fn a_plan_that_was_changed_without_a_version_is_not_guessed_at(store: Store) {
    broken_off(&store, &store.process().await).await;
    let mut changed = BOOKING_2;
    changed.version = BOOKING.version;
    let careless = store.process_that_knows(vec![changed]).await;
    let calls = store.world.calls();
    for _ in 0..3 {
        assert_eq!(careless.resume().await, 0);
        store.clock.advance(LEASE);
    }
    assert_eq!(store.world.calls(), calls);
    assert_eq!(careless.shown("a").await.0, "stuck");
}
