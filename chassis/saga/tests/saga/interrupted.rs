//! Executions that are interrupted at any point, and executions that lose their lease.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use offshoot_saga::Halt;

use crate::fixture::{Fixture, LEASE, cx};
use crate::on_both_engines;
use crate::participants::Fault;
use crate::trips::{BOOKING, EXTRAS};

on_both_engines! {
    a_saga_takes_three_commits,
    another_process_resumes_a_saga_interrupted_at_any_call,
    another_process_resumes_a_saga_interrupted_at_any_await,
    another_process_resumes_an_undo_interrupted_at_any_await,
    an_execution_that_lost_its_lease_writes_nothing,
    many_processes_resume_each_saga_once,
    a_subject_has_one_open_saga,
    a_saga_whose_participant_is_down_delays_no_other_saga,
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

async fn a_saga_takes_three_commits(fixture: Fixture) {
    let trips = fixture.process().await;
    let mut execution = trips.begin(&BOOKING, "a").await;
    let mut cx = cx();
    trips.sagas.run_to_end(&trips, &mut cx, &mut execution).await.unwrap();
    // Two of the three: `begin` committed the first in another call context.
    assert_eq!(cx.effects(), 2);
    assert_eq!(fixture.participants.calls(), ["seat", "bed", "ticket", "bill"]);
    assert_eq!(trips.trip_status("a").await, "booked, ended");
    assert_eq!(
        (execution.state.status.as_str(), execution.state.writes),
        ("booked, ended", 2)
    );
    let shown = ("done".to_owned(), ALL_DONE.map(str::to_owned).to_vec());
    assert_eq!(trips.status_and_steps("a").await, shown);
    fixture.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 0);
}

async fn another_process_resumes_a_saga_interrupted_at_any_call(fixture: Fixture) {
    let [first, second] = [fixture.process().await, fixture.process().await];
    for step in ["seat", "bed", "ticket", "bill"] {
        for fault in [Fault::Hangs, Fault::HangsAfterEffect] {
            let id = format!("{step}-{fault:?}");
            let mut execution = first.begin(&BOOKING, &id).await;
            fixture.participants.inject(step, [fault]);
            {
                let mut execution = pin!(first.run_to_end(&mut execution));
                // Runs until the call hangs. Dropping the execution then equals a kill of the process.
                let before = fixture.participants.calls().len();
                let hangs = async {
                    while !fixture.participants.calls()[before..].iter().any(|call| call == step) {
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                };
                tokio::select! {
                    ended = &mut execution => panic!("{ended:?}"),
                    () = hangs => {}
                }
            }
            assert_eq!(second.resume().await, 0, "the lease of {id} has not expired");
            fixture.clock.advance(LEASE);
            assert_eq!(second.resume().await, 1, "{id}");
            assert_eq!(fixture.participants.completed_steps(&id), STEPS, "{id}");
            assert_eq!(second.trip_status(&id).await, "booked, ended");
        }
    }
    assert_eq!(fixture.participants.count_effects(), 4 * 2 * 4);
}

/// Polls an execution `times` times and drops the execution. Returns whether the execution ended.
async fn poll_times(times: usize, execution: impl Future<Output = Result<(), Halt>>) -> bool {
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

async fn another_process_resumes_a_saga_interrupted_at_any_await(fixture: Fixture) {
    let [first, second] = [fixture.process().await, fixture.process().await];
    for times in 1.. {
        assert!(times < 10_000, "the execution never ends");
        let id = format!("after-{times}");
        let mut execution = first.begin(&BOOKING, &id).await;
        let ended = poll_times(times, first.run_to_end(&mut execution)).await;
        fixture.clock.advance(LEASE);
        let resumed = second.resume().await;
        // The dropped execution may have sent its last COMMIT, which ended the saga.
        assert!(ended && resumed == 0 || resumed <= 1, "{id}: {ended}, {resumed}");
        assert_eq!(second.resume().await, 0, "{id}");
        assert_eq!(fixture.participants.completed_steps(&id), STEPS, "{id}");
        assert_eq!(second.trip_status(&id).await, "booked, ended", "{id}");
        assert_eq!(second.status_and_steps(&id).await.1, ALL_DONE, "{id}");
        if ended {
            return;
        }
    }
}

async fn another_process_resumes_an_undo_interrupted_at_any_await(fixture: Fixture) {
    let [first, second] = [fixture.process().await, fixture.process().await];
    let mut undone = 0;
    for times in 1.. {
        assert!(times < 10_000, "the execution never ends");
        let id = format!("after-{times}");
        fixture.participants.clear_faults();
        fixture.participants.inject("bill", [Fault::Refused]);
        let mut execution = first.begin(&BOOKING, &id).await;
        let ended = poll_times(times, first.run_to_end(&mut execution)).await;
        fixture.clock.advance(LEASE);
        while second.resume().await > 0 {}
        // An execution that was dropped before logging the refusal lets a later execution complete the step.
        let (state, steps) = second.status_and_steps(&id).await;
        let (expected_steps, status) = if state == "undone" {
            (&UNDONE[..], "given up: bill is sold out; take-back, free-bed, ended")
        } else {
            (&ALL_DONE[..], "booked, ended")
        };
        assert_eq!(steps, expected_steps, "{id}");
        assert_eq!(second.trip_status(&id).await, status, "{id}");
        undone += usize::from(state == "undone");
        if ended {
            // The last execution was not interrupted. The number of interruptions depends on the machine.
            assert!(state == "undone" && undone > 1, "{undone}");
            return;
        }
    }
}

async fn an_execution_that_lost_its_lease_writes_nothing(fixture: Fixture) {
    let [first, second] = [Arc::new(fixture.process().await), Arc::new(fixture.process().await)];
    for step in ["seat", "bill"] {
        let mut execution = first.begin(&BOOKING, step).await;
        let [reached, opened] = fixture.participants.hold(&[step]);
        let slow = {
            let first = Arc::clone(&first);
            tokio::spawn(async move {
                let ended = first.run_to_end(&mut execution).await;
                (ended, execution)
            })
        };
        reached.acquire().await.unwrap().forget();
        fixture.clock.advance(LEASE);
        let resuming = {
            let second = Arc::clone(&second);
            tokio::spawn(async move { second.resume().await })
        };
        reached.acquire().await.unwrap().forget();
        // The first execution arrived at the gate first and continues, while the second holds the lease.
        opened.add_permits(1);
        let (ended, halted) = slow.await.unwrap();
        assert!(matches!(ended, Err(Halt::TakenOver)), "{step}: {ended:?}");
        let shown = second.status_and_steps(step).await;
        assert_eq!(shown.0, "running");
        // An execution without the lease cannot hand the saga over.
        let mut cx = cx();
        let mut tx = first.db.begin(&mut cx).await.unwrap();
        let halt = Halt::Retryable {
            step: None,
            failure: offshoot_contract::CallFailure::internal("late"),
        };
        assert!(!first.sagas.hand_over(&mut tx, &halted, &halt).await.unwrap());
        tx.commit_part().await.unwrap();
        assert_eq!(second.status_and_steps(step).await, shown);
        opened.add_permits(1);
        assert_eq!(resuming.await.unwrap(), 1);
        assert_eq!(second.status_and_steps(step).await.1, ALL_DONE);
        assert_eq!(second.trip_status(step).await, "booked, ended");
    }
}

async fn many_processes_resume_each_saga_once(fixture: Fixture) {
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(fixture.process().await);
    }
    for number in 0..12 {
        drop(processes[0].begin(&EXTRAS, &format!("trip-{number}")).await);
    }
    fixture.clock.advance(LEASE);
    let resumed = futures_util::future::join_all(processes.iter().map(|trips| trips.resume())).await;
    assert_eq!(resumed.iter().sum::<u64>(), 12, "{resumed:?}");
    assert_eq!(fixture.participants.calls().len(), 24);
}

async fn a_subject_has_one_open_saga(fixture: Fixture) {
    let trips = fixture.process().await;
    let mut execution = trips.begin(&BOOKING, "a").await;
    for expected in [false, true] {
        let mut cx = cx();
        let mut tx = trips.db.begin(&mut cx).await.unwrap();
        assert_eq!(trips.sagas.has_open_saga(&mut tx, "a").await.unwrap(), !expected);
        let begun = trips
            .sagas
            .begin(&mut tx, &EXTRAS, "a", "extras", execution.state.clone())
            .await;
        assert_eq!(begun.unwrap().is_some(), expected);
        drop(tx);
        trips.run_to_end(&mut execution).await.unwrap_or_default();
    }
    // A saga is begun once, even if the first has ended.
    let mut cx = cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    let second = trips
        .sagas
        .begin(&mut tx, &BOOKING, "a", "booking", execution.state.clone())
        .await;
    assert!(second.unwrap().is_none());
}

async fn a_saga_whose_participant_is_down_delays_no_other_saga(fixture: Fixture) {
    let trips = fixture.process().await;
    drop(trips.begin(&BOOKING, "a").await);
    for number in 0..9 {
        drop(trips.begin(&EXTRAS, &format!("trip-{number}")).await);
    }
    fixture.participants.inject("seat", [Fault::Unavailable; 40]);
    fixture.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 9);
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        let pause = std::time::Duration::from_secs(pause);
        let calls = fixture.participants.calls().len();
        fixture.clock.advance(pause - std::time::Duration::from_micros(1));
        assert_eq!(
            (trips.resume().await, fixture.participants.calls().len()),
            (0, calls),
            "within {pause:?}"
        );
        fixture.clock.advance(std::time::Duration::from_micros(1));
        assert_eq!(
            (trips.resume().await, fixture.participants.calls().len()),
            (0, calls + 1),
            "after {pause:?}"
        );
    }
    // The attempts exceed the limit, but an unavailable module does not make a saga stuck.
    assert_eq!(trips.status_and_steps("a").await.0, "waiting");
}
