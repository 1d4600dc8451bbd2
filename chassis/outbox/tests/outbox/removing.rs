//! Old events go, but neither what somebody has yet to read nor the newest word on a key.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{ManualClock, Timestamp};
use offshoot_db::{Db, sql};
use offshoot_outbox::{Ask, EventSource as _, KEPT_FOR, LocalSource};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::rig::{Counted, DEPOT, DepotEvent, announce, counted, cx, eventually};

on_both_engines! {
    what_is_old_and_read_is_removed,
    what_somebody_has_yet_to_read_stays,
    what_nobody_reads_is_removed_after_a_month,
}

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;

fn visited(shelf: &str) -> DepotEvent {
    let shelf = shelf.to_owned();
    DepotEvent::Visited(Counted { shelf, count: 0 })
}

fn asking(after: i64) -> Ask {
    Ask {
        reader: "ledger/listener".to_owned(),
        after,
        partition: 0,
        of: 1,
        limit: 100,
    }
}

async fn is_noted(depot: &Db) -> bool {
    let mut cx = cx();
    let mut read = depot.read(&mut cx).await.unwrap();
    let noted: Option<(i64,)> = read
        .fetch_optional(sql!("SELECT position FROM offshoot_readers"), ())
        .await
        .unwrap();
    noted.is_some()
}

async fn what_is_old_and_read_is_removed(place: Fresh) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(START).unwrap()));
    let depot = place.open_at(&DEPOT, clock.clone()).await;
    let source = LocalSource::new(depot.clone());
    announce(
        &depot,
        &[counted("a", 1), visited("a"), counted("a", 2), counted("b", 1)],
    )
    .await;
    source.head(-1).await.unwrap();
    let young = offshoot_outbox::remove_old(&depot, &mut cx(), KEPT_FOR).await.unwrap();
    assert_eq!(young, 0);
    source.read(&asking(4)).await.unwrap();
    eventually(async || is_noted(&depot).await).await;
    clock.advance(KEPT_FOR + Duration::from_secs(1));
    announce(&depot, &[visited("b")]).await;
    source.head(-1).await.unwrap();
    assert_eq!(
        offshoot_outbox::remove_old(&depot, &mut cx(), KEPT_FOR).await.unwrap(),
        2
    );
    let page = source.read(&asking(0)).await.unwrap();
    let left: Vec<_> = page.events.iter().map(|event| (event.position, &*event.name)).collect();
    assert_eq!(left, [(3, "counted"), (4, "counted"), (5, "visited")]);
    assert_eq!((page.head.removed, page.head.last, page.through), (2, 5, 5));
    // Positions go on, also when the newest were removed.
    announce(&depot, &[counted("b", 2)]).await;
    assert_eq!(source.head(5).await.unwrap().last, 6);
}

async fn what_somebody_has_yet_to_read_stays(place: Fresh) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(START).unwrap()));
    let depot = place.open_at(&DEPOT, clock.clone()).await;
    let source = LocalSource::new(depot.clone());
    announce(&depot, &[visited("a"), visited("a"), visited("a")]).await;
    source.head(-1).await.unwrap();
    source.read(&asking(1)).await.unwrap();
    eventually(async || is_noted(&depot).await).await;
    clock.advance(KEPT_FOR + Duration::from_secs(1));
    assert_eq!(
        offshoot_outbox::remove_old(&depot, &mut cx(), KEPT_FOR).await.unwrap(),
        1
    );
    // One that has not been heard of for a month keeps nothing.
    clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(
        offshoot_outbox::remove_old(&depot, &mut cx(), KEPT_FOR).await.unwrap(),
        2
    );
}

/// Nobody has asked for positions either.
async fn what_nobody_reads_is_removed_after_a_month(place: Fresh) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(START).unwrap()));
    let depot = place.open_at(&DEPOT, clock.clone()).await;
    announce(&depot, &[visited("a"), counted("a", 1), visited("b")]).await;
    clock.advance(Duration::from_secs(29 * 24 * 60 * 60));
    let removed = offshoot_outbox::remove_old(&depot, &mut cx(), KEPT_FOR).await.unwrap();
    assert_eq!(removed, 0);
    clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let removed = offshoot_outbox::remove_old(&depot, &mut cx(), KEPT_FOR).await.unwrap();
    assert_eq!(removed, 2);
}
