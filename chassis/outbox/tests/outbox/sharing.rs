//! Processes share the partitions of a subscription; no two processes handle one partition at a time.

use std::sync::Arc;
use std::time::Duration;

use offshoot_outbox::LocalSource;
use offshoot_testkit::{ScratchDatabase, on_both_engines};
use tokio::time::sleep;

use crate::harness::{
    AUDIT, Harness, Process, WAREHOUSE, counted, counts_of, publish, recording_subscription, status, wait_until,
};

on_both_engines! {
    two_processes_share_the_partitions,
    two_processes_publish_into_one_log,
}

async fn two_processes_share_the_partitions(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let second = (
        harness.database.open(&WAREHOUSE).await,
        harness.database.open(&AUDIT).await,
    );
    let first = harness.start(4);
    let source = LocalSource::new(second.0.clone());
    let _second = Process::start(
        &second.1,
        source,
        recording_subscription(&Arc::clone(&harness.subscriber), 4),
    );
    wait_until(async || status(&harness.audit).await.len() == 4).await;
    for count in 0..60 {
        for key in ["a", "b", "c", "d", "e", "f"] {
            publish(&harness.warehouse, &[counted(key, count)]).await;
        }
        if count == 30 {
            // Gives the processes time to share the partitions.
            sleep(Duration::from_millis(100)).await;
        }
    }
    first.kill();
    publish(&harness.warehouse, &[counted("a", 60)]).await;
    let recorded = harness.wait_for_events(361).await;
    for key in ["b", "c", "d", "e", "f"] {
        assert_eq!(counts_of(&recorded, key), (0..60).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(counts_of(&recorded, "a"), (0..=60).collect::<Vec<_>>());
}

async fn two_processes_publish_into_one_log(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let other = harness.database.open(&WAREHOUSE).await;
    let _process = harness.start(4);
    let publishing = |db: offshoot_db::Db, key: &'static str| {
        tokio::spawn(async move {
            for count in 0..100 {
                publish(&db, &[counted(key, count)]).await;
            }
        })
    };
    let both = [publishing(harness.warehouse.clone(), "a"), publishing(other, "b")];
    for task in both {
        task.await.unwrap();
    }
    let recorded = harness.wait_for_events(200).await;
    assert_eq!(counts_of(&recorded, "a"), (0..100).collect::<Vec<_>>());
    assert_eq!(counts_of(&recorded, "b"), (0..100).collect::<Vec<_>>());
}
