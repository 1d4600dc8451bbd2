//! A backlog of events, with and without positions: pages, currency, status and lag must count these events too.

use offshoot_db::{Engine, sql};
use offshoot_outbox::{EventSource as _, LAG_SCAN_MAX, Lag, LocalSource, ReadRequest, UNNUMBERED_COUNT_MAX, count_lag};
use offshoot_testkit::{ScratchDatabase, on_both_engines};

use crate::harness::{Harness, counted, cx, publish, status, wait_until};

on_both_engines! {
    only_a_page_at_the_end_of_the_log_is_complete,
    a_subscription_is_not_current_before_it_has_every_event,
    the_lag_of_a_partition_counts_its_own_events,
    a_count_of_lag_ends_at_its_limit,
}

/// More events than one transaction assigns positions to.
const MANY: i64 = 5_000;

async fn publish_many(harness: &Harness, many: i64) {
    for first in (0..many).step_by(1_000) {
        let events: Vec<_> = (first..first + 1_000).map(|count| counted("a", count)).collect();
        publish(&harness.warehouse, &events).await;
    }
}

async fn unnumbered(harness: &Harness) -> i64 {
    offshoot_outbox::outbox_status(&harness.warehouse, &mut cx())
        .await
        .unwrap()
        .unnumbered
}

async fn only_a_page_at_the_end_of_the_log_is_complete(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    publish_many(&harness, MANY).await;
    let waiting = if harness.warehouse.engine() == Engine::Postgres {
        MANY
    } else {
        0
    };
    assert_eq!(unnumbered(&harness).await, waiting);
    let bucket = sql!("SELECT bucket FROM offshoot_events ORDER BY key LIMIT 1");
    let (busy,): (i32,) = harness
        .warehouse
        .read(&mut cx())
        .await
        .unwrap()
        .fetch_one(bucket, ())
        .await
        .unwrap();
    let source = LocalSource::new(harness.warehouse.clone());
    let request = |partition: i32, after: i64| ReadRequest {
        reader: "audit/test".to_owned(),
        after,
        partition,
        partitions: 64,
        limit: 500,
    };
    // An empty partition is read first: no page may be complete before every event has a position.
    let (empty, mut after) = ((busy + 1) % 64, 0);
    loop {
        let page = source.read(&request(empty, after)).await.unwrap();
        assert_eq!(page.events, []);
        after = page.through;
        if page.complete_at.is_some() {
            break;
        }
    }
    assert_eq!((after, unnumbered(&harness).await), (MANY, 0));
    let (mut read, mut after) = (0, 0);
    loop {
        let page = source.read(&request(busy, after)).await.unwrap();
        (read, after) = (read + page.events.len(), page.through);
        if page.complete_at.is_some() {
            break;
        }
        assert!(after < MANY || page.events.len() == 500, "{after}");
    }
    assert_eq!((i64::try_from(read).unwrap(), after), (MANY, MANY));
}

async fn a_subscription_is_not_current_before_it_has_every_event(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    publish_many(&harness, UNNUMBERED_COUNT_MAX + 1_000).await;
    if harness.warehouse.engine() == Engine::Postgres {
        // The count stops at the limit.
        assert_eq!(unnumbered(&harness).await, UNNUMBERED_COUNT_MAX);
    }
    let published = harness.warehouse.now();
    let _process = harness.start(4);
    let all_current = async || {
        let partitions = status(&harness.audit).await;
        let current = |at: Option<offshoot_contract::Timestamp>| at.is_some_and(|at| at >= published);
        partitions.len() == 4 && partitions.iter().all(|partition| current(partition.current_at))
    };
    wait_until(all_current).await;
    assert_eq!(
        i64::try_from(harness.recorded_events().await.len()).unwrap(),
        UNNUMBERED_COUNT_MAX + 1_000
    );
}

/// Lag of each partition of the one subscription, in order.
async fn lags(harness: &Harness) -> Vec<Lag> {
    let mut lags = Vec::new();
    for partition in status(&harness.audit).await {
        let (position, partitions) = (partition.position, partition.partitions);
        let counted = count_lag(&harness.warehouse, &mut cx(), position, partitions, partition.partition).await;
        lags.push(counted.unwrap());
    }
    lags
}

async fn the_lag_of_a_partition_counts_its_own_events(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    publish(&harness.warehouse, &[counted("a", 0)]).await;
    let process = harness.start(4);
    harness.wait_for_events(1).await;
    process.kill();
    publish(&harness.warehouse, &[1, 2, 3].map(|count| counted("a", count))).await;
    let behind: Vec<_> = lags(&harness)
        .await
        .iter()
        .map(|lag| (lag.events, lag.is_exact))
        .collect();
    assert_eq!(behind.len(), 4);
    assert_eq!(behind.iter().filter(|lag| **lag == (0, true)).count(), 3, "{behind:?}");
    assert_eq!(behind.iter().filter(|lag| **lag == (3, true)).count(), 1, "{behind:?}");
    let _process = harness.start(4);
    harness.wait_for_events(4).await;
    assert!(lags(&harness).await.iter().all(|lag| lag.is_none()));
}

async fn a_count_of_lag_ends_at_its_limit(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    publish_many(&harness, LAG_SCAN_MAX + 1_000).await;
    let lag = async |position| count_lag(&harness.warehouse, &mut cx(), position, 1, 0).await.unwrap();
    let cut = Lag {
        events: LAG_SCAN_MAX,
        is_exact: false,
    };
    assert_eq!(lag(0).await, cut);
    // Assigns every position.
    let _process = harness.start(1);
    harness
        .wait_for_events(usize::try_from(LAG_SCAN_MAX + 1_000).unwrap())
        .await;
    let rest = Lag {
        events: 1_000,
        is_exact: true,
    };
    assert_eq!((lag(0).await, lag(LAG_SCAN_MAX).await), (cut, rest));
}
