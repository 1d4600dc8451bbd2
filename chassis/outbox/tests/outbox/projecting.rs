//! Projections follow their events, report their age, and can be rebuilt.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_db::{Db, Tx, sql};
use offshoot_outbox::{Age, Delivered, LocalSource, Projection, Rejection, Subscription};
use offshoot_testkit::{ScratchDatabase, on_both_engines};
use tokio::time::sleep;

use crate::harness::{Harness, Process, WarehouseEvent, counted, cx, publish, quick, wait_until};

on_both_engines! {
    a_projection_follows_its_events,
    a_rebuilt_projection_is_the_same,
    only_a_projection_can_be_rebuilt,
}

struct Counts;

#[async_trait]
impl Projection for Counts {
    type Event = WarehouseEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<WarehouseEvent>]) -> Result<(), Rejection> {
        for event in events {
            let WarehouseEvent::Counted(counted) = &event.event else {
                continue;
            };
            tx.execute(
                sql!(
                    "INSERT INTO counts (key, count) VALUES ($1, $2) \
                     ON CONFLICT (key) DO UPDATE SET count = excluded.count"
                ),
                (&counted.shelf, counted.count),
            )
            .await?;
        }
        Ok(())
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        tx.execute(sql!("DELETE FROM counts"), ()).await.map(drop)
    }
}

fn start_projection(harness: &Harness) -> Process {
    let subscription = Subscription::projection("counts", Arc::new(Counts)).with_settings(quick(8));
    Process::start(
        &harness.audit,
        LocalSource::new(harness.warehouse.clone()),
        subscription,
    )
}

async fn counts(db: &Db) -> Vec<(String, i64)> {
    let mut cx = cx();
    let mut read = db.read(&mut cx).await.unwrap();
    let all = sql!("SELECT key, count FROM counts ORDER BY key");
    read.fetch_all(all, ()).await.unwrap()
}

async fn age(db: &Db) -> Age {
    let mut cx = cx();
    let mut read = db.read(&mut cx).await.unwrap();
    offshoot_outbox::read_age(&mut read, "counts").await.unwrap()
}

async fn a_projection_follows_its_events(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    assert_eq!(age(&harness.audit).await, Age::Filling);
    let _process = start_projection(&harness);
    publish(&harness.warehouse, &[counted("a", 1), counted("b", 2), counted("a", 3)]).await;
    let expected = [("a".to_owned(), 3), ("b".to_owned(), 2)];
    wait_until(async || counts(&harness.audit).await == expected).await;
    let Age::CurrentAt(at) = age(&harness.audit).await else {
        panic!("the projection must be current")
    };
    assert!(at <= harness.audit.now());
    // A violated constraint counts as a failure of the event; other keys continue. A projection that lacks an event is not
    // current.
    let refused = harness.audit.now();
    publish(&harness.warehouse, &[counted("a", 5_000), counted("b", 7)]).await;
    let expected = [("a".to_owned(), 3), ("b".to_owned(), 7)];
    wait_until(async || counts(&harness.audit).await == expected).await;
    let is_newer = async || matches!(age(&harness.audit).await, Age::CurrentAt(at) if at >= refused);
    // Longer than the interval at which an idle partition is recorded after events.
    sleep(Duration::from_secs(2)).await;
    assert!(!is_newer().await);
    let parked = offshoot_outbox::parked_events(&harness.audit, &mut cx(), None, 1)
        .await
        .unwrap();
    offshoot_outbox::skip(&harness.audit, &mut cx(), "counts", parked[0].position)
        .await
        .unwrap();
    wait_until(is_newer).await;
}

async fn a_rebuilt_projection_is_the_same(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = start_projection(&harness);
    let many: Vec<_> = (0..900)
        .map(|count| counted(&format!("shelf-{}", count % 31), count))
        .collect();
    publish(&harness.warehouse, &many).await;
    wait_until(async || counts(&harness.audit).await.iter().map(|(_, count)| count).max() == Some(&899)).await;
    let before = counts(&harness.audit).await;
    harness
        .database
        .administer(
            "audit",
            "UPDATE counts SET count = 0; DELETE FROM counts WHERE key = 'shelf-3'",
        )
        .await;
    offshoot_outbox::rebuild(&harness.audit, &mut cx(), "counts")
        .await
        .unwrap();
    wait_until(async || counts(&harness.audit).await == before).await;
    wait_until(async || matches!(age(&harness.audit).await, Age::CurrentAt(_))).await;
}

async fn only_a_projection_can_be_rebuilt(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = harness.start(1);
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    harness.wait_for_events(1).await;
    let refused = offshoot_outbox::rebuild(&harness.audit, &mut cx(), "recorder")
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("`recorder` is not a projection"),
        "{refused}"
    );
}
