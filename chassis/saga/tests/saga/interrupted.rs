//! Sagas whose execution ends anywhere, and those that were taken over while they went on.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use offshoot_saga::Halt;

use crate::on_both_engines;
use crate::store::{LEASE, Store, cx};
use crate::trips::{BOOKING, EXTRAS};
use crate::world::Fault;

on_both_engines! {
    goes_through_in_three_commits,
    is_broken_off_at_every_call_and_taken_up_by_another_process,
    is_broken_off_at_every_await_and_taken_up_by_another_process,
    is_broken_off_while_it_is_undone,
    an_execution_that_was_taken_over_writes_nothing,
    many_processes_take_each_up_once,
    there_is_one_at_a_time_about_a_subject,
    one_whose_participant_is_down_keeps_no_other,
}

const STEPS: [&str; 4] = ["bed", "bill", "seat", "ticket"];
const UNDONE: [&str; 6] = [
    "seat done",
    "bed done",
    "ticket done",
    "bill refused",
    "take-back done",
    "free-bed done",
];
const ALL_DONE: [&str; 4] = ["seat done", "bed done", "ticket done", "bill done"];

async fn goes_through_in_three_commits(store: Store) {
    let trips = store.process().await;
    let mut run = trips.begin(&BOOKING, "a").await;
    let mut cx = cx();
    trips.sagas.run(&trips, &mut cx, &mut run).await.unwrap();
    // One more has begun it.
    assert_eq!(cx.effects(), 2);
    assert_eq!(store.world.calls(), ["seat", "bed", "ticket", "bill"]);
    assert_eq!(trips.status("a").await, "booked, ended");
    assert_eq!((run.work.status.as_str(), run.work.notes), ("booked, ended", 2));
    let shown = ("done".to_owned(), ALL_DONE.map(str::to_owned).to_vec());
    assert_eq!(trips.shown("a").await, shown);
    store.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 0);
}

async fn is_broken_off_at_every_call_and_taken_up_by_another_process(store: Store) {
    let [first, second] = [store.process().await, store.process().await];
    for step in ["seat", "bed", "ticket", "bill"] {
        for fault in [Fault::Hangs, Fault::HangsAfterwards] {
            let id = format!("{step}-{fault:?}");
            let mut run = first.begin(&BOOKING, &id).await;
            store.world.next(step, [fault]);
            {
                let mut execution = pin!(first.run(&mut run));
                // Until it hangs. Then it is dropped, as a process that is killed drops it.
                let before = store.world.calls().len();
                let hangs = async {
                    while !store.world.calls()[before..].iter().any(|call| call == step) {
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                };
                tokio::select! {
                    ended = &mut execution => panic!("{ended:?}"),
                    () = hangs => {}
                }
            }
            assert_eq!(second.resume().await, 0, "{id} still has its lease");
            store.clock.advance(LEASE);
            assert_eq!(second.resume().await, 1, "{id}");
            assert_eq!(store.world.done(&id), STEPS, "{id}");
            assert_eq!(second.status(&id).await, "booked, ended");
        }
    }
    assert_eq!(store.world.effects(), 4 * 2 * 4);
}

/// Polls an execution so often and drops it then; whether it came to its end.
async fn polled(times: usize, execution: impl Future<Output = Result<(), Halt>>) -> bool {
    let mut execution = pin!(execution);
    let mut left = times;
    std::future::poll_fn(|task| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        execution.as_mut().poll(task).map(|ended| {
            ended.unwrap();
            true
        })
    })
    .await
}

async fn is_broken_off_at_every_await_and_taken_up_by_another_process(store: Store) {
    let [first, second] = [store.process().await, store.process().await];
    for times in 1.. {
        assert!(times < 10_000, "it never ends");
        let id = format!("after-{times}");
        let mut run = first.begin(&BOOKING, &id).await;
        let ended = polled(times, first.run(&mut run)).await;
        store.clock.advance(LEASE);
        let resumed = second.resume().await;
        // A COMMIT may have been under way.
        assert!(ended && resumed == 0 || resumed <= 1, "{id}: {ended}, {resumed}");
        assert_eq!(second.resume().await, 0, "{id}");
        assert_eq!(store.world.done(&id), STEPS, "{id}");
        assert_eq!(second.status(&id).await, "booked, ended", "{id}");
        assert_eq!(second.shown(&id).await.1, ALL_DONE, "{id}");
        if ended {
            return;
        }
    }
}

async fn is_broken_off_while_it_is_undone(store: Store) {
    let [first, second] = [store.process().await, store.process().await];
    let mut undone = 0;
    for times in 1.. {
        assert!(times < 10_000, "it never ends");
        let id = format!("after-{times}");
        store.world.forget_faults();
        store.world.next("bill", [Fault::Refused]);
        let mut run = first.begin(&BOOKING, &id).await;
        let ended = polled(times, first.run(&mut run)).await;
        store.clock.advance(LEASE);
        while second.resume().await > 0 {}
        // Where the refusal was given to nobody who could write it down, it was done after all.
        let (state, steps) = second.shown(&id).await;
        let (back, status) = if state == "undone" {
            (&UNDONE[..], "given up: bill is sold out; take-back, free-bed, ended")
        } else {
            (&ALL_DONE[..], "booked, ended")
        };
        assert_eq!(steps, back, "{id}");
        assert_eq!(second.status(&id).await, status, "{id}");
        undone += usize::from(state == "undone");
        if ended {
            // Broken off on the way, how often is for the machine to say, and at last in nothing.
            assert!(state == "undone" && undone > 1, "{undone}");
            return;
        }
    }
}

async fn an_execution_that_was_taken_over_writes_nothing(store: Store) {
    let [first, second] = [Arc::new(store.process().await), Arc::new(store.process().await)];
    for step in ["seat", "bill"] {
        let mut run = first.begin(&BOOKING, step).await;
        let [reached, opened] = store.world.hold(&[step]);
        let slow = {
            let first = Arc::clone(&first);
            tokio::spawn(async move {
                let ended = first.run(&mut run).await;
                (ended, run)
            })
        };
        reached.acquire().await.unwrap().forget();
        store.clock.advance(LEASE);
        let resuming = {
            let second = Arc::clone(&second);
            tokio::spawn(async move { second.resume().await })
        };
        reached.acquire().await.unwrap().forget();
        // The first one goes on, as it came first to the gate, while the second has the lease and is not done.
        opened.add_permits(1);
        let (ended, halted) = slow.await.unwrap();
        assert!(matches!(ended, Err(Halt::TakenOver)), "{step}: {ended:?}");
        let shown = second.shown(step).await;
        assert_eq!(shown.0, "running");
        // Nor does it hand over what it has not.
        let mut cx = cx();
        let mut tx = first.db.begin(&mut cx).await.unwrap();
        let halt = Halt::Trouble {
            step: None,
            failure: offshoot_contract::CallFailure::internal("late"),
        };
        assert!(!first.sagas.hand_over(&mut tx, &halted, &halt).await.unwrap());
        tx.commit_part().await.unwrap();
        assert_eq!(second.shown(step).await, shown);
        opened.add_permits(1);
        assert_eq!(resuming.await.unwrap(), 1);
        assert_eq!(second.shown(step).await.1, ALL_DONE);
        assert_eq!(second.status(step).await, "booked, ended");
    }
}

async fn many_processes_take_each_up_once(store: Store) {
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(store.process().await);
    }
    for number in 0..12 {
        drop(processes[0].begin(&EXTRAS, &format!("trip-{number}")).await);
    }
    store.clock.advance(LEASE);
    let resumed = futures_util::future::join_all(processes.iter().map(|trips| trips.resume())).await;
    assert_eq!(resumed.iter().sum::<u64>(), 12, "{resumed:?}");
    assert_eq!(store.world.calls().len(), 24);
}

async fn there_is_one_at_a_time_about_a_subject(store: Store) {
    let trips = store.process().await;
    let mut run = trips.begin(&BOOKING, "a").await;
    for expected in [false, true] {
        let mut cx = cx();
        let mut tx = trips.db.begin(&mut cx).await.unwrap();
        assert_eq!(trips.sagas.is_under_way(&mut tx, "a").await.unwrap(), !expected);
        let begun = trips
            .sagas
            .begin(&mut tx, &EXTRAS, "a", "extras", run.work.clone())
            .await;
        assert_eq!(begun.unwrap().is_some(), expected);
        drop(tx);
        trips.run(&mut run).await.unwrap_or_default();
    }
    // Nor is one begun twice, over or not.
    let mut cx = cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    let again = trips
        .sagas
        .begin(&mut tx, &BOOKING, "a", "booking", run.work.clone())
        .await;
    assert!(again.unwrap().is_none());
}

async fn one_whose_participant_is_down_keeps_no_other(store: Store) {
    let trips = store.process().await;
    drop(trips.begin(&BOOKING, "a").await);
    for number in 0..9 {
        drop(trips.begin(&EXTRAS, &format!("trip-{number}")).await);
    }
    store.world.next("seat", [Fault::Away; 40]);
    store.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 9);
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        let pause = std::time::Duration::from_secs(pause);
        let asked = store.world.calls().len();
        store.clock.advance(pause - std::time::Duration::from_micros(1));
        assert_eq!(
            (trips.resume().await, store.world.calls().len()),
            (0, asked),
            "within {pause:?}"
        );
        store.clock.advance(std::time::Duration::from_micros(1));
        assert_eq!(
            (trips.resume().await, store.world.calls().len()),
            (0, asked + 1),
            "after {pause:?}"
        );
    }
    // It has been tried more often than makes one stuck, but there was only nobody there.
    assert_eq!(trips.shown("a").await.0, "waiting");
}
