//! Recovery from a restarted server, a failover, and connections that were cut without a word.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, FailureKind};
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, PgBudget, migrate, sql};
use tokio::time::{sleep, timeout};

use crate::private_server::PrivateServer;
use crate::proxy::FaultProxy;
use crate::store::{Store, TEST_SCHEMA, add, cx};

/// Time that every wait of these tests is far below. The deadline of a call is longer.
const PATIENCE: Duration = Duration::from_secs(60);

async fn add_named(db: &Db, name: &str) -> Result<(), CallFailure> {
    let mut cx = CallContext::root("test").with_timeout(PATIENCE * 2);
    let mut tx = db.begin(&mut cx).await?;
    add(&mut tx, name).await?;
    tx.commit(()).await
}

async fn names(db: &Db) -> Result<BTreeSet<String>, CallFailure> {
    let mut cx = CallContext::root("test").with_timeout(PATIENCE * 2);
    let mut read = db.read(&mut cx).await?;
    let rows: Vec<(String,)> = read.fetch_all(sql!("SELECT name FROM things"), ()).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Adds one row after the other until told to stop, whatever fails. Returns the names of committed rows, and the failures.
async fn write_until(
    db: Db,
    writer: String,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU32>,
) -> (Vec<String>, Vec<CallFailure>) {
    let (mut written, mut failures) = (Vec::new(), Vec::new());
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let name = format!("{writer} {number}");
        match add_named(&db, &name).await {
            Ok(()) => {
                count.fetch_add(1, Ordering::SeqCst);
                written.push(name);
            }
            Err(failure) => {
                failures.push(failure);
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
    (written, failures)
}

/// Four writers beside `event`, which gets the number of committed rows. No committed row may be missing afterwards.
async fn assert_nothing_is_lost(db: &Db, event: impl AsyncFnOnce(&AtomicU32)) {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let writers: Vec<_> = (0..4)
        .map(|_| crate::store::new_id().to_string())
        .map(|writer| tokio::spawn(write_until(db.clone(), writer, Arc::clone(&stop), Arc::clone(&count))))
        .collect();
    wait_for_more(&count).await;
    event(&count).await;
    wait_for_more(&count).await;
    stop.store(true, Ordering::SeqCst);
    let stored = names(db).await.expect("the database answers");
    for writer in writers {
        let (written, failures) = timeout(PATIENCE, writer)
            .await
            .expect("the writer ends")
            .expect("no panic");
        let lost: Vec<_> = written.iter().filter(|name| !stored.contains(*name)).collect();
        // A row that is written after the read is not lost.
        assert!(lost.len() <= 1, "{lost:?}");
        for failure in failures {
            let kind = failure.kind();
            let is_transient = matches!(kind, FailureKind::Unavailable | FailureKind::ConnectionLost);
            assert!(is_transient, "{failure:?}");
        }
    }
}

async fn wait_for_more(count: &AtomicU32) {
    let before = count.load(Ordering::SeqCst);
    let more = async {
        while count.load(Ordering::SeqCst) < before + 40 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, more).await.expect("the writers succeed");
}

async fn open(url: &str) -> Db {
    let url: DatabaseUrl = url.parse().expect("a URL");
    Db::open(&TEST_SCHEMA, &url, &DbOptions::default())
        .await
        .expect("a store")
}

async fn migrated_server() -> Option<PrivateServer> {
    let server = PrivateServer::start(40)?;
    let url = server.url("postgres").parse().expect("a URL");
    migrate(&TEST_SCHEMA, &url, &DbOptions::default())
        .await
        .expect("a new schema");
    Some(server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_loses_no_committed_row() {
    let Some(mut server) = migrated_server().await else {
        return;
    };
    let db = open(&server.url("postgres")).await;
    for is_killed in [false, true] {
        assert_nothing_is_lost(&db, async |_| {
            if is_killed {
                server.kill();
            } else {
                server.stop();
            }
            // Each call fails at once, although each could wait for longer than all of them may.
            let failing = async {
                for _ in 0..20 {
                    let failure = add_named(&db, "lost").await.expect_err("the server does not run");
                    assert_eq!(
                        (failure.kind(), failure.may_have_executed()),
                        (&FailureKind::Unavailable, false)
                    );
                    let failure = names(&db).await.expect_err("the server does not run");
                    assert!(!failure.may_have_executed());
                }
            };
            timeout(PATIENCE, failing).await.expect("the calls fail at once");
            server.start_again();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_to_another_address_loses_no_committed_row() {
    let Some(mut server) = migrated_server().await else {
        return;
    };
    let proxy = FaultProxy::start(&server.url("postgres")).await;
    let db = open(&proxy.url).await;
    server.start_standby();
    assert_nothing_is_lost(&db, async |_| {
        server.stop();
        // The address leads to the standby before the standby takes writes.
        proxy.lead_to(&server.standby_url("postgres"));
        let failure = add_named(&db, "early").await.expect_err("a standby takes no writes");
        assert_eq!(
            (failure.kind(), failure.may_have_executed()),
            (&FailureKind::Unavailable, false)
        );
        server.promote_standby();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_that_a_firewall_forgot_cost_no_call() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let proxy = FaultProxy::start(&store.database.superuser_url).await;
    // A fixed budget: no look for other processes keeps a connection in use.
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(8),
            modules: 1,
        },
        ..DbOptions::default()
    };
    let url = proxy.url.parse().expect("a URL");
    let db = Db::open(&TEST_SCHEMA, &url, &options).await.expect("a store");
    for _ in 0..2 {
        // Several idle connections.
        let mut contexts: Vec<_> = (0..4).map(|_| cx()).collect();
        let mut held = Vec::new();
        for cx in &mut contexts {
            held.push(db.begin(cx).await.expect("a transaction"));
        }
        drop(held);
        // A firewall forgets connections that are idle.
        sleep(Duration::from_millis(1_200)).await;
        proxy.forget_connections();
        for _ in 0..4 {
            let name = crate::store::new_id().to_string();
            let written = timeout(PATIENCE, add_named(&db, &name)).await;
            written
                .expect("the call does not wait for its deadline")
                .expect("a committed row");
            let read = timeout(PATIENCE, names(&db)).await;
            read.expect("the call does not wait for its deadline")
                .expect("the names");
        }
        let pinged = timeout(PATIENCE, db.ping(&mut cx())).await;
        pinged
            .expect("the check does not wait for its deadline")
            .expect("an answer");
    }
}
