//! The undo of sagas: sequence, steps without effect, unknown outcomes, and retries.

use std::time::Duration;

use offshoot_saga::Halt;

use crate::fixture::{Fixture, LEASE};
use crate::on_both_engines;
use crate::participants::Fault;
use crate::trips::{BOOKING, EXTRAS, LETTER};

on_both_engines! {
    a_refused_first_step_leaves_nothing_to_undo,
    completed_steps_are_undone_the_last_first,
    a_step_with_an_unknown_outcome_is_undone,
    a_step_known_to_be_done_is_reversed,
    a_failed_undo_is_retried_until_done,
    parallel_steps_run_at_the_same_time,
    only_parallel_steps_with_a_possible_effect_are_undone,
    a_refusal_past_the_pivot_makes_the_saga_stuck,
}

async fn a_refused_first_step_leaves_nothing_to_undo(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("seat", [Fault::Refused]);
    trips.begin_and_run(&BOOKING, "a").await.unwrap();
    assert_eq!(trips.trip_status("a").await, "given up: seat is sold out; , ended");
    let steps = ["seat refused", "bed dropped"].map(str::to_owned).to_vec();
    assert_eq!(trips.status_and_steps("a").await, ("undone".to_owned(), steps));
    assert_eq!(fixture.participants.calls(), ["seat"]);
    assert_eq!(fixture.participants.completed_steps("a"), [""; 0]);
}

async fn completed_steps_are_undone_the_last_first(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("bed", [Fault::Refused]);
    trips.begin_and_run(&BOOKING, "a").await.unwrap();
    assert_eq!(fixture.participants.calls(), ["seat", "bed", "free-seat"]);
    assert_eq!(
        trips.trip_status("a").await,
        "given up: bed is sold out; free-seat, ended"
    );
    // The ticket was refused, so the undo of the seat applies and not the reversal of the ticket.
    fixture.participants.inject("ticket", [Fault::Refused]);
    trips.begin_and_run(&BOOKING, "b").await.unwrap();
    assert_eq!(
        fixture.participants.calls()[3..],
        ["seat", "bed", "ticket", "free-bed", "free-seat"]
    );
    assert_eq!(
        trips.trip_status("b").await,
        "given up: ticket is sold out; free-bed, free-seat, ended"
    );
}

/// A call of an interrupted execution may still arrive, even if a later call is refused.
async fn a_step_with_an_unknown_outcome_is_undone(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture
        .participants
        .inject("seat", [Fault::ResponseLost, Fault::Refused]);
    let halt = trips.begin_and_run(&BOOKING, "a").await.unwrap_err();
    assert!(matches!(halt, Halt::Retryable { step: Some(step), .. } if step == "seat"));
    fixture.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(fixture.participants.calls(), ["seat", "seat", "free-bed", "free-seat"]);
    let (state, steps) = trips.status_and_steps("a").await;
    assert_eq!(state, "undone");
    assert_eq!(
        steps,
        ["seat refused", "bed dropped", "free-bed done", "free-seat done"]
    );
}

async fn a_step_known_to_be_done_is_reversed(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("bill", [Fault::Refused]);
    trips.begin_and_run(&BOOKING, "a").await.unwrap();
    assert_eq!(fixture.participants.calls()[4..], ["take-back", "free-bed"]);
    let (state, steps) = trips.status_and_steps("a").await;
    assert_eq!(state, "undone");
    assert_eq!(
        steps,
        [
            "seat done",
            "bed done",
            "ticket done",
            "bill refused",
            "take-back done",
            "free-bed done"
        ]
    );
}

async fn a_failed_undo_is_retried_until_done(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("ticket", [Fault::Refused]);
    fixture.participants.inject(
        "free-seat",
        [
            Fault::Unavailable,
            Fault::ResponseLost,
            Fault::InvalidResponse,
            Fault::Refused,
        ],
    );
    trips.begin_and_run(&BOOKING, "a").await.unwrap_err();
    fixture.clock.advance(LEASE);
    for pause in [1, 2] {
        assert_eq!(trips.resume().await, 0);
        assert_eq!(trips.status_and_steps("a").await.0, "undoing");
        fixture.clock.advance(Duration::from_secs(pause));
    }
    // An invalid response counts like the others, and the last permitted attempt makes the saga stuck.
    assert_eq!(trips.resume().await, 0);
    assert_eq!(trips.status_and_steps("a").await.0, "stuck");
    fixture.clock.advance(100 * LEASE);
    assert_eq!(trips.resume().await, 0);
    let mut cx = crate::fixture::cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    offshoot_saga::retry(&mut tx, "a.booking", offshoot_contract::Clock::now(&*fixture.clock))
        .await
        .unwrap();
    tx.commit_part().await.unwrap();
    assert_eq!(trips.resume().await, 1);
    let calls = fixture.participants.calls();
    assert_eq!(calls[3..5], ["free-bed", "free-seat"]);
    assert_eq!(trips.status_and_steps("a").await.0, "undone");
}

async fn parallel_steps_run_at_the_same_time(fixture: Fixture) {
    let trips = fixture.process().await;
    let [reached, opened] = fixture.participants.hold(&["car", "guide"]);
    let both = async {
        reached.acquire_many(2).await.unwrap().forget();
        opened.add_permits(2);
    };
    let all = async { tokio::join!(trips.begin_and_run(&EXTRAS, "a"), both) };
    let (ended, ()) = tokio::time::timeout(LEASE, all)
        .await
        .expect("one step waits for the other");
    ended.unwrap();
    assert_eq!(fixture.participants.completed_steps("a"), ["car", "guide"]);
    assert_eq!(trips.status_and_steps("a").await.1, ["car done", "guide done"]);
}

async fn only_parallel_steps_with_a_possible_effect_are_undone(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("car", [Fault::Refused]);
    trips.begin_and_run(&EXTRAS, "a").await.unwrap();
    assert_eq!(
        trips.status_and_steps("a").await.1,
        ["car refused", "guide done", "no-guide done"]
    );
    // The outcome of a step whose response was lost is unknown.
    fixture.participants.inject("car", [Fault::Refused]);
    fixture.participants.inject("guide", [Fault::ResponseLost]);
    trips.begin_and_run(&EXTRAS, "b").await.unwrap();
    assert_eq!(
        trips.status_and_steps("b").await.1,
        ["car refused", "guide dropped", "no-guide done"]
    );
}

async fn a_refusal_past_the_pivot_makes_the_saga_stuck(fixture: Fixture) {
    let trips = fixture.process().await;
    fixture.participants.inject("post", [Fault::Refused; 4]);
    trips.begin_and_run(&LETTER, "a").await.unwrap_err();
    fixture.clock.advance(LEASE);
    for _ in 0..3 {
        assert_eq!(trips.resume().await, 0);
        fixture.clock.advance(LEASE);
    }
    assert_eq!(trips.status_and_steps("a").await.0, "stuck");
}
