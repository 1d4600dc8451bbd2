//! Leases survive queues of calls and restarts of the database.

use std::time::Duration;

use offshoot_contract::CallContext;
use offshoot_db::{DatabaseUrl, Db, DbOptions, PgBudget, migrate, sql};
use offshoot_jobs::Replica;
use offshoot_testkit::private_server::PrivateServer;
use offshoot_testkit::{ScratchDatabase, on_both_engines};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::{PATIENCE, SCHEMA, TIMING, TestReplica, next_start};

/// Calls that wait, each of which has the connection for a moment: together several heartbeat timeouts.
const QUEUE: usize = 500;
const CALL: Duration = Duration::from_millis(8);

on_both_engines! { a_queue_of_calls_costs_no_lease }

async fn a_queue_of_calls_costs_no_lease(database: ScratchDatabase) {
    let observer = database.open(&SCHEMA).await;
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(2),
            modules: 1,
        },
        ..DbOptions::default()
    };
    let db = Db::open(&SCHEMA, database.url(), &options).await.unwrap();
    let (started, mut starts) = mpsc::unbounded_channel();
    let busy = TestReplica::with_db(db.clone(), 1, &["sweep"], &started);
    // Another process, which would find the busy one dead.
    let observing = Replica::new(observer, TIMING);
    let observing = tokio::spawn(async move { observing.send_heartbeats().await });
    let (_, lease) = next_start(&mut starts).await;
    let call = |_| {
        let db = db.clone();
        tokio::spawn(async move {
            let mut cx = CallContext::root("test").with_timeout(PATIENCE * 4);
            let tx = db.begin(&mut cx).await.unwrap();
            sleep(CALL).await;
            tx.commit_part().await.unwrap();
        })
    };
    let calls: Vec<_> = (0..QUEUE).map(call).collect();
    for call in calls {
        call.await.unwrap();
    }
    assert!(!lease.has_ended(), "the lease was lost while calls waited");
    assert!(starts.try_recv().is_err(), "the work was started again");
    observing.abort();
    drop(busy);
}

/// A restart that takes longer than the heartbeat timeout: every replica was silent, and none is dead.
#[tokio::test(flavor = "multi_thread")]
async fn no_replica_is_dead_after_a_restart_of_the_database() {
    let Some(mut server) = PrivateServer::start(40) else {
        return;
    };
    let url: DatabaseUrl = server.url("postgres").parse().unwrap();
    migrate(&SCHEMA, &url, &DbOptions::default()).await.unwrap();
    let (started, mut starts) = mpsc::unbounded_channel();
    let mut replicas = Vec::new();
    for number in 1..=2 {
        let db = Db::open(&SCHEMA, &url, &DbOptions::default()).await.unwrap();
        replicas.push(TestReplica::with_db(db, number, &["gauges/0", "gauges/1"], &started));
    }
    let db = replicas[0].db.clone();
    wait_for_heartbeats(&db, |beats| beats.len() == 2).await;
    let before = heartbeats(&db).await;
    server.stop();
    sleep(TIMING.timeout * 2).await;
    while starts.try_recv().is_ok() {}
    server.start_again();
    // Both work again, and neither was removed: a removed replica counts from one.
    let mut working = std::collections::BTreeSet::new();
    while working.len() < 2 {
        working.insert(next_start(&mut starts).await.0);
    }
    let least = *before.iter().max().unwrap();
    wait_for_heartbeats(&db, |beats| {
        beats.len() == 2 && beats.iter().all(|beats| *beats > least)
    })
    .await;
    drop(replicas);
}

async fn wait_for_heartbeats(db: &Db, is_reached: impl Fn(&[i64]) -> bool) {
    let reached = async {
        while !is_reached(&heartbeats(db).await) {
            sleep(TIMING.interval).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("the replicas send heartbeats");
}

async fn heartbeats(db: &Db) -> Vec<i64> {
    let mut cx = CallContext::root("test");
    let mut read = db.read(&mut cx).await.unwrap();
    let rows: Vec<(i64,)> = read
        .fetch_all(sql!("SELECT heartbeats FROM offshoot_replicas ORDER BY instance"), ())
        .await
        .unwrap();
    rows.into_iter().map(|(beats,)| beats).collect()
}
