//! Invariants of a store after faults, once no work is in flight.

use std::time::Duration;

use offshoot_tests::{Data, Process};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{event_log, notices, projections};
use crate::journeys::replay::assert_ledger_matches_revenue;

/// An idle partition records its position only every ten seconds; everything else takes a moment.
const TIMEOUT: Duration = Duration::from_secs(90);

pub(super) async fn assert_all_hold(data: &Data, front: &Process) {
    // Orders are final and agree with stock, payments and revenue.
    let proofs = data.run_command(&["replay", "proofs", "--patience", "40s"]).await;
    assert_eq!(proofs.code, Some(0), "{}{}", proofs.stdout, proofs.stderr);
    assert_ledger_matches_revenue(data, front).await;
    assert_no_open_sagas(data).await;
    // Each order event was published once, in order, and handled by every subscriber.
    event_log::assert_orders_published_each_transition_once(data).await;
    assert_every_event_is_handled(data).await;
    notices::assert_one_notice_per_event(data).await;
    projections::assert_match_source(data).await;
    projections::assert_rebuild_is_identical(data).await;
    event_log::assert_logs_are_complete(data).await;
}

async fn assert_no_open_sagas(data: &Data) {
    let list = ["sagas", "list", "--state", "running,waiting,undoing,stuck", "--json"];
    let open = data.run_command(&list).await.expect_success();
    assert_eq!(parse_json(&open.stdout), Value::Array(Vec::new()), "open sagas remain");
}

/// Waits until every subscription has handled every event. Panics on a dead letter.
pub(super) async fn assert_every_event_is_handled(data: &Data) {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        let status = data.run_command(&["events", "status", "--json"]).await.expect_success();
        let status = parse_json(&status.stdout);
        let partitions = status["subscriptions"].as_array().expect("subscriptions are a list");
        let is_current = |partition: &Value| {
            partition["lag"] == 0
                && partition["lag_is_exact"] == true
                && partition["parked"] == 0
                && partition["held"].is_null()
                && partition["rebuild"] == false
        };
        assert!(
            partitions.iter().all(|partition| partition["dead_letters"] == 0),
            "dead letters exist: {status:#}"
        );
        if partitions.iter().all(is_current) {
            return;
        }
        assert!(Instant::now() < give_up, "a subscription has not caught up: {status:#}");
        sleep(Duration::from_millis(200)).await;
    }
}

fn parse_json(text: &str) -> Value {
    serde_json::from_str(text).expect("stdout is JSON")
}
