//! Every event takes effect once and in order per key, also if handling processes are killed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_outbox::{EventPage, EventSource, Head, LocalSource, MAX_PAYLOAD_BYTES, Publish, ReadRequest};
use offshoot_testkit::{ScratchDatabase, on_both_engines};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::sleep;

use crate::harness::{
    Harness, Process, counted, counts_of, cx, failed, publish, recording_subscription, status, wait_until,
};

on_both_engines! {
    published_events_are_handled_in_order,
    rolled_back_events_are_not_handled,
    events_published_before_the_subscription_are_handled,
    killed_workers_lose_and_duplicate_nothing,
    a_module_cannot_publish_events_of_another_module,
    a_payload_above_the_limit_is_refused,
    a_replay_starts_at_the_given_position,
    duplicated_and_reordered_events_are_handled_once_and_in_order,
}

async fn published_events_are_handled_in_order(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = harness.start(4);
    for count in 1..=20 {
        publish(&harness.warehouse, &[counted("a", count), counted("b", -count)]).await;
    }
    let recorded = harness.wait_for_events(40).await;
    assert_eq!(counts_of(&recorded, "a"), (1..=20).collect::<Vec<_>>());
    assert_eq!(
        counts_of(&recorded, "b"),
        (1..=20).map(|count| -count).collect::<Vec<_>>()
    );
    wait_until(async || {
        status(&harness.audit)
            .await
            .iter()
            .all(|partition| partition.current_at.is_some())
    })
    .await;
}

async fn rolled_back_events_are_not_handled(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = harness.start(1);
    {
        let mut cx = cx();
        let mut tx = harness.warehouse.begin(&mut cx).await.unwrap();
        tx.publish(&counted("a", 1)).await.unwrap();
    }
    publish(&harness.warehouse, &[counted("a", 2)]).await;
    assert_eq!(counts_of(&harness.wait_for_events(1).await, "a"), [2]);
}

async fn events_published_before_the_subscription_are_handled(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let many: Vec<_> = (0..1_500)
        .map(|count| counted(&format!("shelf-{}", count % 7), count))
        .collect();
    publish(&harness.warehouse, &many).await;
    let _process = harness.start(2);
    let recorded = harness.wait_for_events(1_500).await;
    for key in 0..7 {
        let counts = counts_of(&recorded, &format!("shelf-{key}"));
        assert!(counts.is_sorted(), "{counts:?}");
    }
}

async fn killed_workers_lose_and_duplicate_nothing(database: ScratchDatabase) {
    let seed: u64 = rand::random();
    println!("kills at moments drawn with seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let harness = Harness::on(database).await;
    let warehouse = harness.warehouse.clone();
    let publishing = tokio::spawn(async move {
        for count in 0..150 {
            publish(
                &warehouse,
                &[counted("a", count), counted("b", count), counted("c", count)],
            )
            .await;
            sleep(Duration::from_millis(10)).await;
        }
    });
    for _ in 0..12 {
        let process = harness.start(4);
        sleep(Duration::from_millis(random.random_range(30..300))).await;
        process.kill();
    }
    publishing.await.unwrap();
    let _last = harness.start(4);
    let recorded = harness.wait_for_events(450).await;
    for key in ["a", "b", "c"] {
        assert_eq!(counts_of(&recorded, key), (0..150).collect::<Vec<_>>(), "{key}");
    }
}

async fn a_module_cannot_publish_events_of_another_module(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let mut cx = cx();
    let mut tx = harness.audit.begin(&mut cx).await.unwrap();
    let refused = failed(tx.publish(&counted("a", 1)).await);
    assert!(
        refused.contains("audit cannot publish `counted`: it is an event of warehouse"),
        "{refused}"
    );
}

async fn a_payload_above_the_limit_is_refused(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let mut cx = cx();
    let mut tx = harness.warehouse.begin(&mut cx).await.unwrap();
    let refused = failed(tx.publish(&counted(&"x".repeat(MAX_PAYLOAD_BYTES), 1)).await);
    assert!(refused.contains("the limit is 524288"), "{refused}");
}

async fn a_replay_starts_at_the_given_position(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let _process = Process::start(
        &harness.audit,
        LocalSource::new(harness.warehouse.clone()),
        recording_subscription(&Arc::clone(&harness.subscriber), 1),
    );
    publish(&harness.warehouse, &[counted("a", 1), counted("a", 2), counted("a", 3)]).await;
    harness.wait_for_events(3).await;
    offshoot_outbox::replay(&harness.audit, &mut cx(), "recorder", 2)
        .await
        .unwrap();
    assert_eq!(counts_of(&harness.wait_for_events(5).await, "a"), [1, 2, 3, 2, 3]);
    let unknown = offshoot_outbox::replay(&harness.audit, &mut cx(), "nobody", 1)
        .await
        .unwrap_err();
    assert!(
        unknown.to_string().contains("audit has no subscription `nobody`"),
        "{unknown}"
    );
}

/// A log that answers with earlier events too, in reverse order.
struct ReversedSource(Arc<LocalSource>);

#[async_trait]
impl EventSource for ReversedSource {
    fn module(&self) -> &'static str {
        self.0.module()
    }

    async fn head(&self, beyond: i64) -> Result<Head, CallFailure> {
        self.0.head(beyond).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<EventPage, CallFailure> {
        let after = (request.after - 5).max(0);
        let mut page = self
            .0
            .read(&ReadRequest {
                after,
                ..request.clone()
            })
            .await?;
        page.events.reverse();
        Ok(page)
    }
}

async fn duplicated_and_reordered_events_are_handled_once_and_in_order(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let source = Arc::new(ReversedSource(LocalSource::new(harness.warehouse.clone())));
    let _process = Process::start(&harness.audit, source, recording_subscription(&harness.subscriber, 2));
    for count in 0..20 {
        publish(&harness.warehouse, &[counted("a", count), counted("b", count)]).await;
    }
    let recorded = harness.wait_for_events(40).await;
    for key in ["a", "b"] {
        assert_eq!(counts_of(&recorded, key), (0..20).collect::<Vec<_>>(), "{key}");
    }
}
