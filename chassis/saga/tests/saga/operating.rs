//! The operators' view of sagas, and the actions retry and undo.

use std::sync::Arc;

use offshoot_contract::Clock as _;
use offshoot_saga::{
    COUNT_OPEN_SAGAS, Filter, LIST_OPEN_SAGAS, OperateError, SagaRow, SagaStatus, list, request_undo, retry, show,
};

use crate::fixture::{ATTEMPTS, Fixture, LEASE, cx};
use crate::on_both_engines;
use crate::participants::Fault;
use crate::trips::{BOOKING, EXTRAS, LETTER, Trips};

on_both_engines! {
    a_saga_that_keeps_failing_is_stuck_until_retried,
    a_stuck_saga_is_undone_on_request,
    a_running_saga_is_undone_on_request_before_its_pivot,
    an_impossible_action_is_refused_with_a_reason,
    each_status_is_listed,
}

offshoot_db::row! {
    struct OpenSaga {
        id: String,
        state: String,
    }
}

async fn list_by_status(trips: &Trips, states: &[SagaStatus]) -> Vec<SagaRow> {
    let mut cx = cx();
    let mut read = trips.db.read(&mut cx).await.unwrap();
    let filter = Filter {
        states: states.to_vec(),
        limit: 10,
    };
    list(&mut read, &filter).await.unwrap()
}

async fn retry_saga(fixture: &Fixture, trips: &Trips, id: &str) -> Result<(), OperateError> {
    let mut cx = cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    retry(&mut tx, id, fixture.clock.now()).await?;
    tx.commit_part().await.unwrap();
    Ok(())
}

async fn request_undo_of(fixture: &Fixture, trips: &Trips, id: &str) -> Result<(), OperateError> {
    let mut cx = cx();
    let mut tx = trips.db.begin(&mut cx).await.unwrap();
    request_undo(&mut tx, id, fixture.clock.now()).await?;
    tx.commit_part().await.unwrap();
    Ok(())
}

/// A saga that is stuck, because a step received invalid responses only.
async fn make_stuck(fixture: &Fixture, trips: &Trips, step: &str, id: &str) {
    fixture
        .participants
        .inject(step, vec![Fault::InvalidResponse; 1 + ATTEMPTS as usize]);
    trips.begin_and_run(&BOOKING, id).await.unwrap_err();
    for _ in 0..ATTEMPTS {
        fixture.clock.advance(LEASE);
        assert_eq!(trips.resume().await, 0);
    }
    fixture.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 0);
}

async fn a_saga_that_keeps_failing_is_stuck_until_retried(fixture: Fixture) {
    let trips = fixture.process().await;
    make_stuck(&fixture, &trips, "ticket", "a").await;
    let rows = list_by_status(&trips, &[SagaStatus::Stuck]).await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        (row.id.as_str(), row.kind.as_str(), row.version),
        ("a.booking", "booking", 1)
    );
    assert_eq!(
        (row.step.as_deref(), row.failure.as_deref()),
        (Some("ticket"), Some("invalid response"))
    );
    assert_eq!((row.attempt, row.tries, row.pivoted), (3, 3, true));
    assert_eq!(
        fixture
            .participants
            .calls()
            .iter()
            .filter(|call| *call == "ticket")
            .count(),
        4
    );
    retry_saga(&fixture, &trips, "a.booking").await.unwrap();
    assert_eq!(trips.resume().await, 1);
    assert_eq!(trips.trip_status("a").await, "booked, ended");
    assert_eq!(list_by_status(&trips, &SagaStatus::OPEN).await, []);
}

async fn a_stuck_saga_is_undone_on_request(fixture: Fixture) {
    let trips = fixture.process().await;
    make_stuck(&fixture, &trips, "bed", "a").await;
    request_undo_of(&fixture, &trips, "a.booking").await.unwrap();
    assert_eq!(trips.resume().await, 1);
    assert_eq!(
        trips.trip_status("a").await,
        "given up: interrupted; free-bed, free-seat, ended"
    );
}

async fn a_running_saga_is_undone_on_request_before_its_pivot(fixture: Fixture) {
    let trips = Arc::new(fixture.process().await);
    let [reached, opened] = fixture.participants.hold(&["bed"]);
    let running = {
        let trips = Arc::clone(&trips);
        tokio::spawn(async move {
            trips
                .begin_and_run(&EXTRAS, "b")
                .await
                .and(trips.begin_and_run(&BOOKING, "a").await)
        })
    };
    reached.acquire().await.unwrap().forget();
    request_undo_of(&fixture, &trips, "a.booking").await.unwrap();
    opened.add_permits(1);
    running.await.unwrap().unwrap();
    assert_eq!(
        trips.trip_status("a").await,
        "given up: interrupted; free-bed, free-seat, ended"
    );
    assert_eq!(trips.status_and_steps("a").await.1[..2], ["seat done", "bed done"]);
}

async fn an_impossible_action_is_refused_with_a_reason(fixture: Fixture) {
    let trips = fixture.process().await;
    for refused in [
        retry_saga(&fixture, &trips, "x.booking").await,
        request_undo_of(&fixture, &trips, "x.booking").await,
    ] {
        assert!(matches!(refused, Err(OperateError::Unknown { .. })), "{refused:?}");
    }
    trips.begin_and_run(&BOOKING, "done").await.unwrap();
    fixture.participants.inject("seat", [Fault::Refused]);
    trips.begin_and_run(&BOOKING, "undone").await.unwrap();
    for (id, expected) in [
        ("done.booking", SagaStatus::Done),
        ("undone.booking", SagaStatus::Undone),
    ] {
        for refused in [
            retry_saga(&fixture, &trips, id).await,
            request_undo_of(&fixture, &trips, id).await,
        ] {
            assert!(
                matches!(&refused, Err(OperateError::Ended { status, .. }) if *status == expected),
                "{refused:?}"
            );
        }
    }
    drop(trips.begin(&LETTER, "letter").await);
    let running = retry_saga(&fixture, &trips, "letter.letter").await;
    assert!(matches!(running, Err(OperateError::Running { until, .. }) if until == fixture.clock.now().plus(LEASE)));
    let past_pivot = request_undo_of(&fixture, &trips, "letter.letter").await.unwrap_err();
    assert!(matches!(past_pivot, OperateError::PastPivot { .. }), "{past_pivot:?}");
    assert!(
        past_pivot.to_string().contains("passed its point of no return"),
        "{past_pivot}"
    );
    fixture.participants.inject("bill", [Fault::Refused]);
    fixture.participants.inject("take-back", [Fault::Unavailable]);
    trips.begin_and_run(&BOOKING, "back").await.unwrap_err();
    let undoing = request_undo_of(&fixture, &trips, "back.booking").await;
    assert!(matches!(undoing, Err(OperateError::Undoing { .. })), "{undoing:?}");
}

async fn each_status_is_listed(fixture: Fixture) {
    let trips = fixture.process().await;
    make_stuck(&fixture, &trips, "seat", "stuck").await;
    trips.begin_and_run(&EXTRAS, "done").await.unwrap();
    fixture.participants.inject("car", [Fault::Refused; 2]);
    trips.begin_and_run(&EXTRAS, "undone").await.unwrap();
    fixture.participants.inject("no-guide", [Fault::Unavailable; 2]);
    trips.begin_and_run(&EXTRAS, "undoing").await.unwrap_err();
    fixture.participants.inject("car", [Fault::Unavailable]);
    drop(trips.begin(&EXTRAS, "waiting").await);
    fixture.clock.advance(LEASE);
    assert_eq!(trips.resume().await, 0);
    drop(trips.begin(&EXTRAS, "running").await);
    for status in SagaStatus::ALL {
        let rows = list_by_status(&trips, &[status]).await;
        let found: Vec<_> = rows.iter().map(|row| (row.id.clone(), row.state.clone())).collect();
        let kind = if status == SagaStatus::Stuck {
            "booking"
        } else {
            "extras"
        };
        assert_eq!(found, [(format!("{status}.{kind}"), status.to_string())]);
    }
    let oldest: Vec<_> = list_by_status(&trips, &SagaStatus::ALL)
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
    // The statements for tools count as open what `SagaStatus` does.
    let open: Vec<OpenSaga> = read.fetch_all(LIST_OPEN_SAGAS, (10_i64,)).await.unwrap();
    let open: Vec<_> = open.into_iter().map(|saga| (saga.id, saga.state)).collect();
    let expected = list_by_status(&trips, &SagaStatus::OPEN).await.into_iter();
    assert_eq!(open, expected.map(|row| (row.id, row.state)).collect::<Vec<_>>());
    let (count,): (i64,) = read.fetch_one(COUNT_OPEN_SAGAS, ()).await.unwrap();
    assert_eq!(usize::try_from(count).unwrap(), SagaStatus::OPEN.len());
    let shown = show(&mut read, "stuck").await.unwrap();
    assert_eq!(shown[0].1[0].tries, i64::from(ATTEMPTS));
    assert_eq!(shown[0].1[0].failure.as_deref(), Some("invalid response"));
    assert_eq!(show(&mut read, "nothing").await.unwrap(), []);
}
