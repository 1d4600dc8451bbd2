//! Retention removes old events, but neither unread events nor the newest lasting event of a key.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{ManualClock, Timestamp};
use offshoot_db::{Db, sql};
use offshoot_outbox::{EventSource as _, LocalSource, RETENTION, ReadRequest};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::harness::{Counted, WAREHOUSE, WarehouseEvent, counted, cx, publish, wait_until};

on_both_engines! {
    old_events_that_were_read_are_removed,
    unread_events_stay,
    without_readers_events_are_removed_after_a_month,
    a_reader_that_leaves_is_no_reader,
}

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;

fn visited(shelf: &str) -> WarehouseEvent {
    let shelf = shelf.to_owned();
    WarehouseEvent::Visited(Counted { shelf, count: 0 })
}

fn request_after(after: i64) -> ReadRequest {
    ReadRequest {
        reader: "audit/recorder".to_owned(),
        after,
        partition: 0,
        partitions: 1,
        limit: 100,
    }
}

async fn recorded_position(warehouse: &Db) -> Option<i64> {
    let mut cx = cx();
    let mut read = warehouse.read(&mut cx).await.unwrap();
    let position: Option<(i64,)> = read
        .fetch_optional(sql!("SELECT position FROM offshoot_readers"), ())
        .await
        .unwrap();
    position.map(|(position,)| position)
}

async fn is_reader_recorded(warehouse: &Db) -> bool {
    recorded_position(warehouse).await.is_some()
}

async fn old_events_that_were_read_are_removed(database: ScratchDatabase) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(START).unwrap()));
    let warehouse = database.open_with_clock(&WAREHOUSE, clock.clone()).await;
    let source = LocalSource::new(warehouse.clone());
    publish(
        &warehouse,
        &[counted("a", 1), visited("a"), counted("a", 2), counted("b", 1)],
    )
    .await;
    source.head(-1).await.unwrap();
    let young = offshoot_outbox::remove_expired_events(&warehouse, &mut cx(), RETENTION)
        .await
        .unwrap();
    assert_eq!(young, 0);
    source.read(&request_after(4)).await.unwrap();
    wait_until(async || is_reader_recorded(&warehouse).await).await;
    clock.advance(RETENTION + Duration::from_secs(1));
    publish(&warehouse, &[visited("b")]).await;
    source.head(-1).await.unwrap();
    assert_eq!(
        offshoot_outbox::remove_expired_events(&warehouse, &mut cx(), RETENTION)
            .await
            .unwrap(),
        2
    );
    let page = source.read(&request_after(0)).await.unwrap();
    let left: Vec<_> = page.events.iter().map(|event| (event.position, &*event.name)).collect();
    assert_eq!(left, [(3, "counted"), (4, "counted"), (5, "visited")]);
    assert_eq!((page.head.removed_through, page.head.last, page.through), (2, 5, 5));
    // Positions are never reused, also after the newest events were removed.
    publish(&warehouse, &[counted("b", 2)]).await;
    assert_eq!(source.head(5).await.unwrap().last, 6);
}

async fn unread_events_stay(database: ScratchDatabase) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(START).unwrap()));
    let warehouse = database.open_with_clock(&WAREHOUSE, clock.clone()).await;
    let source = LocalSource::new(warehouse.clone());
    publish(&warehouse, &[visited("a"), visited("a"), visited("a")]).await;
    source.head(-1).await.unwrap();
    source.read(&request_after(1)).await.unwrap();
    wait_until(async || is_reader_recorded(&warehouse).await).await;
    clock.advance(RETENTION + Duration::from_secs(1));
    assert_eq!(
        offshoot_outbox::remove_expired_events(&warehouse, &mut cx(), RETENTION)
            .await
            .unwrap(),
        1
    );
    // A reader that has not read for a month keeps no event.
    clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(
        offshoot_outbox::remove_expired_events(&warehouse, &mut cx(), RETENTION)
            .await
            .unwrap(),
        2
    );
}

/// Without a reader, retention itself assigns the positions.
async fn without_readers_events_are_removed_after_a_month(database: ScratchDatabase) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(START).unwrap()));
    let warehouse = database.open_with_clock(&WAREHOUSE, clock.clone()).await;
    publish(&warehouse, &[visited("a"), counted("a", 1), visited("b")]).await;
    clock.advance(Duration::from_secs(29 * 24 * 60 * 60));
    let removed = offshoot_outbox::remove_expired_events(&warehouse, &mut cx(), RETENTION)
        .await
        .unwrap();
    assert_eq!(removed, 0);
    clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let removed = offshoot_outbox::remove_expired_events(&warehouse, &mut cx(), RETENTION)
        .await
        .unwrap();
    assert_eq!(removed, 2);
}

async fn a_reader_that_leaves_is_no_reader(database: ScratchDatabase) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(START).unwrap()));
    let warehouse = database.open_with_clock(&WAREHOUSE, clock.clone()).await;
    let source = LocalSource::new(warehouse.clone());
    publish(&warehouse, &[visited("a"), visited("a")]).await;
    source.read(&request_after(0)).await.unwrap();
    wait_until(async || is_reader_recorded(&warehouse).await).await;
    // Recorded at once, although the reader was recorded a moment before.
    assert!(source.read(&request_after(i64::MAX)).await.unwrap().events.is_empty());
    wait_until(async || recorded_position(&warehouse).await == Some(i64::MAX)).await;
    let remove = async || {
        offshoot_outbox::remove_expired_events(&warehouse, &mut cx(), RETENTION)
            .await
            .unwrap()
    };
    // Without any reader, events stay for 30 days.
    clock.advance(RETENTION + Duration::from_secs(1));
    assert_eq!(remove().await, 0);
    clock.advance(RETENTION * 4);
    assert_eq!(remove().await, 2);
}
