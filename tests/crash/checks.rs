//! What must be true of a store that was disturbed, once nothing is under way any more.

use std::time::Duration;

use offshoot_tests::{Data, Process};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{copies, notices, told};
use crate::journeys::replaying::ledger_agrees;

/// A partition without events notes every ten seconds how far it is; the rest takes a moment.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) async fn everything_holds(data: &Data, front: &Process) {
    // Orders are final, and agree with goods, money and revenue.
    let proofs = data.run(&["replay", "proofs", "--patience", "40s"]).await;
    assert_eq!(proofs.code, Some(0), "{}{}", proofs.stdout, proofs.stderr);
    ledger_agrees(data, front).await;
    no_saga_is_open(data).await;
    // What they told of is told once, in order, and everybody has heard it.
    told::orders_told_of_each_turn_once(data).await;
    everything_is_heard(data).await;
    notices::each_was_written_once(data).await;
    copies::are_what_they_copy(data).await;
    copies::made_anew_are_the_same(data).await;
    told::every_log_is_whole(data).await;
}

async fn no_saga_is_open(data: &Data) {
    let list = [
        "sagas",
        "list",
        "--state",
        "running,waiting,compensating,stuck",
        "--json",
    ];
    let open = data.run(&list).await.expect_success();
    assert_eq!(json(&open.stdout), Value::Array(Vec::new()), "sagas are open");
}

/// Waits until every subscription has handled every event; none may be set aside.
pub(super) async fn everything_is_heard(data: &Data) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let status = data.run(&["events", "status", "--json"]).await.expect_success();
        let status = json(&status.stdout);
        let partitions = status["subscriptions"].as_array().expect("they are listed");
        let is_heard = |partition: &Value| {
            partition["lag"] == 0
                && partition["parked"] == 0
                && partition["held"].is_null()
                && partition["rebuild"] == false
        };
        assert!(
            partitions.iter().all(|partition| partition["dead"] == 0),
            "events were given up: {status:#}"
        );
        if partitions.iter().all(is_heard) {
            return;
        }
        assert!(Instant::now() < give_up, "not everything is heard: {status:#}");
        sleep(Duration::from_millis(200)).await;
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}
