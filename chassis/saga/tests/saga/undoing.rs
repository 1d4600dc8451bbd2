//! What turns back: in which sequence, what is left out, and what is tried again.

use std::time::Duration;

use offshoot_saga::Halt;

use crate::on_both_engines;
use crate::store::{LEASE, Store};
use crate::trips::{BOOKING, EXTRAS, LETTER};
use crate::world::Fault;

on_both_engines! {
    what_was_refused_at_first_leaves_nothing_to_undo,
    what_was_done_is_undone_the_last_first,
    what_may_have_been_done_is_undone_too,
    what_is_known_to_be_done_is_reversed_instead,
    an_undoing_that_fails_is_tried_again_until_it_is_done,
    independent_steps_are_done_at_the_same_time,
    of_independent_steps_only_those_that_were_done_are_undone,
    without_a_way_back_a_refusal_waits_for_a_person,
}

async fn what_was_refused_at_first_leaves_nothing_to_undo(store: Store) {
    let trips = store.process().await;
    store.world.next("seat", [Fault::Refused]);
    trips.all(&BOOKING, "a").await.unwrap();
    assert_eq!(trips.status("a").await, "given up: seat is sold out; , ended");
    let steps = ["seat refused", "bed dropped"].map(str::to_owned).to_vec();
    assert_eq!(trips.shown("a").await, ("undone".to_owned(), steps));
    assert_eq!(store.world.calls(), ["seat"]);
    assert_eq!(store.world.done("a"), [""; 0]);
}

async fn what_was_done_is_undone_the_last_first(store: Store) {
    let trips = store.process().await;
    store.world.next("bed", [Fault::Refused]);
    trips.all(&BOOKING, "a").await.unwrap();
    assert_eq!(store.world.calls(), ["seat", "bed", "free-seat"]);
    assert_eq!(trips.status("a").await, "given up: bed is sold out; free-seat, ended");
    // The ticket was not given out, so what undoes the seat has to be right for that as well.
    store.world.next("ticket", [Fault::Refused]);
    trips.all(&BOOKING, "b").await.unwrap();
    assert_eq!(
        store.world.calls()[3..],
        ["seat", "bed", "ticket", "free-bed", "free-seat"]
    );
    assert_eq!(
        trips.status("b").await,
        "given up: ticket is sold out; free-bed, free-seat, ended"
    );
}

/// A call of an execution that was broken off may still arrive, whatever a later one is told.
async fn what_may_have_been_done_is_undone_too(store: Store) {
    let trips = store.process().await;
    store.world.next("seat", [Fault::AnswerLost, Fault::Refused]);
    let halt = trips.all(&BOOKING, "a").await.unwrap_err();
    assert!(matches!(halt, Halt::Trouble { step: Some(step), .. } if step == "seat"));
    store.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 1);
    assert_eq!(store.world.calls(), ["seat", "seat", "free-bed", "free-seat"]);
    let (state, steps) = trips.shown("a").await;
    assert_eq!(state, "undone");
    assert_eq!(
        steps,
        ["seat refused", "bed dropped", "free-bed done", "free-seat done"]
    );
}

async fn what_is_known_to_be_done_is_reversed_instead(store: Store) {
    let trips = store.process().await;
    store.world.next("bill", [Fault::Refused]);
    trips.all(&BOOKING, "a").await.unwrap();
    assert_eq!(store.world.calls()[4..], ["take-back", "free-bed"]);
    let (state, steps) = trips.shown("a").await;
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

async fn an_undoing_that_fails_is_tried_again_until_it_is_done(store: Store) {
    let trips = store.process().await;
    store.world.next("ticket", [Fault::Refused]);
    store.world.next(
        "free-seat",
        [Fault::Away, Fault::AnswerLost, Fault::Nonsense, Fault::Refused],
    );
    trips.all(&BOOKING, "a").await.unwrap_err();
    store.clock.advance(LEASE);
    for pause in [1, 2] {
        assert_eq!(trips.resume().await, 0);
        assert_eq!(trips.shown("a").await.0, "compensating");
        store.clock.advance(Duration::from_secs(pause));
    }
    // One that only makes no sense is tried as often, and is left to a person then.
    assert_eq!(trips.resume().await, 0);
    assert_eq!(trips.shown("a").await.0, "stuck");
    store.clock.advance(100 * LEASE);
    assert_eq!(trips.resume().await, 0);
    let mut cx = crate::store::cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    offshoot_saga::retry(&mut tx, "a.booking", offshoot_contract::Clock::now(&*store.clock))
        .await
        .unwrap();
    tx.commit_part().await.unwrap();
    assert_eq!(trips.resume().await, 1);
    let calls = store.world.calls();
    assert_eq!(calls[3..5], ["free-bed", "free-seat"]);
    assert_eq!(trips.shown("a").await.0, "undone");
}

async fn independent_steps_are_done_at_the_same_time(store: Store) {
    let trips = store.process().await;
    let [reached, opened] = store.world.hold(&["car", "guide"]);
    let both = async {
        reached.acquire_many(2).await.unwrap().forget();
        opened.add_permits(2);
    };
    let all = async { tokio::join!(trips.all(&EXTRAS, "a"), both) };
    let (ended, ()) = tokio::time::timeout(LEASE, all).await.expect("one waits for the other");
    ended.unwrap();
    assert_eq!(store.world.done("a"), ["car", "guide"]);
    assert_eq!(trips.shown("a").await.1, ["car done", "guide done"]);
}

async fn of_independent_steps_only_those_that_were_done_are_undone(store: Store) {
    let trips = store.process().await;
    store.world.next("car", [Fault::Refused]);
    trips.all(&EXTRAS, "a").await.unwrap();
    assert_eq!(trips.shown("a").await.1, ["car refused", "guide done", "no-guide done"]);
    // Of one whose answer was lost nobody knows.
    store.world.next("car", [Fault::Refused]);
    store.world.next("guide", [Fault::AnswerLost]);
    trips.all(&EXTRAS, "b").await.unwrap();
    assert_eq!(
        trips.shown("b").await.1,
        ["car refused", "guide dropped", "no-guide done"]
    );
}

async fn without_a_way_back_a_refusal_waits_for_a_person(store: Store) {
    let trips = store.process().await;
    store.world.next("post", [Fault::Refused; 4]);
    trips.all(&LETTER, "a").await.unwrap_err();
    store.clock.advance(LEASE);
    for _ in 0..3 {
        assert_eq!(trips.resume().await, 0);
        store.clock.advance(LEASE);
    }
    assert_eq!(trips.shown("a").await.0, "stuck");
}
