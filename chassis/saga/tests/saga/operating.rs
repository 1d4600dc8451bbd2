//! What an operator sees, and can do.

use std::sync::Arc;

use offshoot_contract::Clock as _;
use offshoot_saga::{Filter, OperateError, SagaRow, State, compensate, list, retry, show};

use crate::on_both_engines;
use crate::store::{ATTEMPTS, LEASE, Store, cx};
use crate::trips::{BOOKING, EXTRAS, LETTER, Trips};
use crate::world::Fault;

on_both_engines! {
    one_that_is_tried_in_vain_is_stuck_until_it_is_retried,
    one_that_is_stuck_is_undone_when_that_is_asked_for,
    one_that_is_running_turns_back_before_its_point_of_no_return,
    what_cannot_be_is_refused_with_the_reason,
    each_state_is_listed,
}

async fn listed(trips: &Trips, states: &[State]) -> Vec<SagaRow> {
    let mut cx = cx();
    let mut read = trips.db.read(&mut cx).await.unwrap();
    let filter = Filter {
        states: states.to_vec(),
        limit: 10,
    };
    list(&mut read, &filter).await.unwrap()
}

async fn retried(store: &Store, trips: &Trips, id: &str) -> Result<(), OperateError> {
    let mut cx = cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    retry(&mut tx, id, store.clock.now()).await?;
    tx.commit_part().await.unwrap();
    Ok(())
}

async fn compensated(store: &Store, trips: &Trips, id: &str) -> Result<(), OperateError> {
    let mut cx = cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    compensate(&mut tx, id, store.clock.now()).await?;
    tx.commit_part().await.unwrap();
    Ok(())
}

/// A saga of which a step is answered nonsense until nobody tries any more.
async fn stuck(store: &Store, trips: &Trips, step: &str, id: &str) {
    store.world.next(step, vec![Fault::Nonsense; 1 + ATTEMPTS as usize]);
    trips.all(&BOOKING, id).await.unwrap_err();
    for _ in 0..ATTEMPTS {
        store.clock.advance(LEASE);
        assert_eq!(trips.resume().await, 0);
    }
    store.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 0);
}

async fn one_that_is_tried_in_vain_is_stuck_until_it_is_retried(store: Store) {
    let trips = store.process().await;
    stuck(&store, &trips, "ticket", "a").await;
    let rows = listed(&trips, &[State::Stuck]).await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        (row.id.as_str(), row.kind.as_str(), row.version),
        ("a.booking", "booking", 1)
    );
    assert_eq!(
        (row.step.as_deref(), row.failure.as_deref()),
        (Some("ticket"), Some("forty-two"))
    );
    assert_eq!((row.attempt, row.tries, row.pivoted), (3, 3, true));
    assert_eq!(store.world.calls().iter().filter(|call| *call == "ticket").count(), 4);
    retried(&store, &trips, "a.booking").await.unwrap();
    assert_eq!(trips.resume().await, 1);
    assert_eq!(trips.status("a").await, "booked, ended");
    assert_eq!(listed(&trips, &State::OPEN).await, []);
}

async fn one_that_is_stuck_is_undone_when_that_is_asked_for(store: Store) {
    let trips = store.process().await;
    stuck(&store, &trips, "bed", "a").await;
    compensated(&store, &trips, "a.booking").await.unwrap();
    assert_eq!(trips.resume().await, 1);
    assert_eq!(
        trips.status("a").await,
        "given up: interrupted; free-bed, free-seat, ended"
    );
}

async fn one_that_is_running_turns_back_before_its_point_of_no_return(store: Store) {
    let trips = Arc::new(store.process().await);
    let [reached, opened] = store.world.hold(&["bed"]);
    let running = {
        let trips = Arc::clone(&trips);
        tokio::spawn(async move { trips.all(&EXTRAS, "b").await.and(trips.all(&BOOKING, "a").await) })
    };
    reached.acquire().await.unwrap().forget();
    compensated(&store, &trips, "a.booking").await.unwrap();
    opened.add_permits(1);
    running.await.unwrap().unwrap();
    assert_eq!(
        trips.status("a").await,
        "given up: interrupted; free-bed, free-seat, ended"
    );
    assert_eq!(trips.shown("a").await.1[..2], ["seat done", "bed done"]);
}

async fn what_cannot_be_is_refused_with_the_reason(store: Store) {
    let trips = store.process().await;
    for refused in [
        retried(&store, &trips, "x.booking").await,
        compensated(&store, &trips, "x.booking").await,
    ] {
        assert!(matches!(refused, Err(OperateError::Unknown { .. })), "{refused:?}");
    }
    trips.all(&BOOKING, "done").await.unwrap();
    store.world.next("seat", [Fault::Refused]);
    trips.all(&BOOKING, "undone").await.unwrap();
    for (id, expected) in [("done.booking", State::Done), ("undone.booking", State::Undone)] {
        for refused in [retried(&store, &trips, id).await, compensated(&store, &trips, id).await] {
            assert!(
                matches!(&refused, Err(OperateError::Over { state, .. }) if *state == expected),
                "{refused:?}"
            );
        }
    }
    drop(trips.begin(&LETTER, "letter").await);
    let running = retried(&store, &trips, "letter.letter").await;
    assert!(matches!(running, Err(OperateError::Running { until, .. }) if until == store.clock.now().plus(LEASE)));
    let firm = compensated(&store, &trips, "letter.letter").await.unwrap_err();
    assert!(matches!(firm, OperateError::NoWayBack { .. }), "{firm:?}");
    assert!(firm.to_string().contains("passed its point of no return"), "{firm}");
    store.world.next("bill", [Fault::Refused]);
    store.world.next("take-back", [Fault::Away]);
    trips.all(&BOOKING, "back").await.unwrap_err();
    let undoing = compensated(&store, &trips, "back.booking").await;
    assert!(matches!(undoing, Err(OperateError::Undoing { .. })), "{undoing:?}");
}

async fn each_state_is_listed(store: Store) {
    let trips = store.process().await;
    stuck(&store, &trips, "seat", "stuck").await;
    trips.all(&EXTRAS, "done").await.unwrap();
    store.world.next("car", [Fault::Refused; 2]);
    trips.all(&EXTRAS, "undone").await.unwrap();
    store.world.next("no-guide", [Fault::Away; 2]);
    trips.all(&EXTRAS, "compensating").await.unwrap_err();
    store.world.next("car", [Fault::Away]);
    drop(trips.begin(&EXTRAS, "waiting").await);
    store.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 0);
    drop(trips.begin(&EXTRAS, "running").await);
    for state in State::ALL {
        let rows = listed(&trips, &[state]).await;
        let found: Vec<_> = rows.iter().map(|row| (row.id.clone(), row.state.clone())).collect();
        let kind = if state == State::Stuck { "booking" } else { "extras" };
        assert_eq!(found, [(format!("{state}.{kind}"), state.to_string())]);
    }
    let oldest: Vec<_> = listed(&trips, &State::ALL)
        .await
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(
        (oldest.len(), oldest[0].as_str(), oldest[5].as_str()),
        (6, "stuck.booking", "running.extras")
    );
    let mut cx = cx();
    let mut read = trips.db.read(&mut cx).await.unwrap();
    let shown = show(&mut read, "stuck").await.unwrap();
    assert_eq!(shown[0].1[0].tries, i64::from(ATTEMPTS));
    assert_eq!(shown[0].1[0].failure.as_deref(), Some("forty-two"));
    assert_eq!(show(&mut read, "nothing").await.unwrap(), []);
}
