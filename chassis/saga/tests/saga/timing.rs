//! Timeouts of steps, and the time after which a saga is undone.

use std::time::Duration;

use offshoot_contract::FailureKind;
use offshoot_saga::Halt;

use crate::fixture::{Fixture, LEASE};
use crate::on_both_engines;
use crate::participants::Fault;
use crate::trips::{BOOKING, GIVE_UP_AFTER, STEP_TIMEOUT};

on_both_engines! {
    a_hanging_step_times_out,
    a_saga_not_past_its_pivot_in_time_is_undone,
    a_saga_past_its_pivot_completes_however_late,
}

async fn a_hanging_step_times_out(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("bed", [Fault::HangsAfterEffect]);
    let halt = trips.begin_and_run(&BOOKING, "a").await.unwrap_err();
    let Halt::Retryable { step, failure } = halt else {
        panic!("{halt:?}");
    };
    assert_eq!((step.as_deref(), failure.kind()), (Some("bed"), &FailureKind::Timeout));
    let expected = format!("step bed timed out after {STEP_TIMEOUT:?}");
    assert_eq!((failure.message(), failure.may_have_executed()), (&*expected, true));
    fixture.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(trips.trip_status("a").await, "booked, ended");
}

async fn a_saga_not_past_its_pivot_in_time_is_undone(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("bed", [Fault::Unavailable; 2]);
    trips.begin_and_run(&BOOKING, "a").await.unwrap_err();
    fixture.clock.advance(GIVE_UP_AFTER - Duration::from_micros(1));
    assert_eq!(trips.resume().await, 0);
    fixture.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(
        trips.trip_status("a").await,
        "given up: interrupted; free-bed, free-seat, ended"
    );
}

async fn a_saga_past_its_pivot_completes_however_late(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("ticket", [Fault::Unavailable]);
    trips.begin_and_run(&BOOKING, "a").await.unwrap_err();
    fixture.clock.advance(100 * GIVE_UP_AFTER);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(trips.trip_status("a").await, "booked, ended");
}
