//! Open sagas while the binary is replaced by another version.

use crate::fixture::{Fixture, LEASE, cx};
use crate::on_both_engines;
use crate::participants::Fault;
use crate::trips::{BOOKING, BOOKING_2, EXTRAS, Trips};

on_both_engines! {
    an_open_saga_is_resumed_under_its_own_version,
    a_saga_of_an_unknown_version_is_not_touched,
    a_plan_changed_without_a_new_version_is_detected,
}

async fn begin_and_interrupt(fixture: &Fixture, trips: &Trips) {
    fixture.participants.inject("bed", [Fault::Unavailable]);
    trips.begin_and_run(&BOOKING, "a").await.unwrap_err();
    fixture.clock.advance(LEASE);
}

async fn an_open_saga_is_resumed_under_its_own_version(fixture: Fixture) {
    begin_and_interrupt(&fixture, &fixture.process().await).await;
    let newer = fixture.process_with_definitions(vec![BOOKING_2, BOOKING]).await;
    assert_eq!(newer.resume().await, 1);
    assert_eq!(
        fixture.participants.calls(),
        ["seat", "bed", "seat", "bed", "ticket", "bill"]
    );
    newer.begin_and_run(&BOOKING_2, "b").await.unwrap();
    assert_eq!(fixture.participants.calls()[6..], ["insurance", "seat", "bed"]);
}

async fn a_saga_of_an_unknown_version_is_not_touched(fixture: Fixture) {
    let older = fixture.process().await;
    begin_and_interrupt(&fixture, &older).await;
    drop(older.begin(&EXTRAS, "b").await);
    fixture.clock.advance(LEASE);
    let before = older.status_and_steps("a").await;
    let newer = fixture.process_with_definitions(vec![BOOKING_2, EXTRAS]).await;
    // The unknown saga does not delay the others.
    assert_eq!(newer.resume().await, 1);
    assert_eq!(newer.status_and_steps("a").await, before);
    let mut cx = cx();
    let mut tx = newer.db.begin(&mut cx).await.unwrap();
    let progress = newer.sagas.find(&mut tx, "a", "booking").await.unwrap().unwrap();
    let taken = newer.sagas.take_over(&newer, &mut tx, &progress).await;
    assert!(taken.is_err_and(|failure| {
        failure
            .to_string()
            .contains("booking, version 1, which this process does not know")
    }));
    drop(tx);
    assert_eq!(newer.status_and_steps("a").await, before);
    // A binary that knows the version resumes the saga.
    assert_eq!(older.resume().await, 1);
    assert_eq!(older.trip_status("a").await, "booked, ended");
}

async fn a_plan_changed_without_a_new_version_is_detected(fixture: Fixture) {
    begin_and_interrupt(&fixture, &fixture.process().await).await;
    let mut changed = BOOKING_2;
    changed.version = BOOKING.version;
    let careless = fixture.process_with_definitions(vec![changed]).await;
    let calls = fixture.participants.calls();
    for _ in 0..3 {
        assert_eq!(careless.resume().await, 0);
        fixture.clock.advance(LEASE);
    }
    assert_eq!(fixture.participants.calls(), calls);
    assert_eq!(careless.status_and_steps("a").await.0, "stuck");
}
