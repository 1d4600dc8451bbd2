//! Tests of replicas and leases on both engines. Each database handle stands for a process.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

mod undisturbed;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use offshoot_contract::{CallContext, FailureKind};
use offshoot_db::{Db, Engine, ModuleSchema, sql};
use offshoot_jobs::{HeartbeatTiming, Lease, Replica};
use offshoot_testkit::{ScratchDatabase, on_both_engines};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

static SCHEMA: ModuleSchema = ModuleSchema {
    module: "warehouse",
    migrations: &[],
    tables: "",
};

/// Short timing, so that a test takes seconds.
const TIMING: HeartbeatTiming = HeartbeatTiming {
    interval: Duration::from_millis(100),
    timeout: Duration::from_millis(800),
};
/// Timeout of a wait, generous for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

on_both_engines! {
    one_of_two_replicas_does_the_work,
    work_of_a_killed_replica_is_taken_over,
    a_released_lease_is_taken_at_once,
    leases_of_a_group_are_shared_evenly,
    a_former_lease_holder_cannot_write,
    a_replica_without_database_stops_its_work,
    a_suspended_replica_stops_its_work_when_it_resumes,
    work_that_returns_runs_again,
    a_replica_that_cannot_write_says_why,
    a_process_is_seen_on_its_own_data_only,
}

/// A replica on a separate database handle. Each start of work sends the replica's number and the lease.
struct TestReplica {
    replica: Arc<Replica>,
    db: Db,
    tasks: Vec<JoinHandle<()>>,
}

impl TestReplica {
    async fn start(
        database: &ScratchDatabase,
        number: u32,
        names: &[&str],
        started: &mpsc::UnboundedSender<(u32, Lease)>,
    ) -> Self {
        Self::with_db(database.open(&SCHEMA).await, number, names, started)
    }

    fn with_db(db: Db, number: u32, names: &[&str], started: &mpsc::UnboundedSender<(u32, Lease)>) -> Self {
        let replica = Replica::new(db.clone(), TIMING);
        let mut tasks = Vec::new();
        for name in names {
            let (replica, name, started) = (Arc::clone(&replica), (*name).to_owned(), started.clone());
            tasks.push(tokio::spawn(async move {
                let work = |lease: Lease| {
                    let started = started.clone();
                    async move {
                        started.send((number, lease)).unwrap();
                        std::future::pending::<()>().await;
                    }
                };
                replica.run_under_lease(name, work).await;
            }));
        }
        let running = Arc::clone(&replica);
        tasks.push(tokio::spawn(async move { running.send_heartbeats().await }));
        Self { replica, db, tasks }
    }

    /// Stops the replica as `kill -9` does: no lease is released.
    fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn next_start(started: &mut mpsc::UnboundedReceiver<(u32, Lease)>) -> (u32, Lease) {
    timeout(PATIENCE, started.recv())
        .await
        .expect("a replica takes the lease")
        .unwrap()
}

async fn one_of_two_replicas_does_the_work(database: ScratchDatabase) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let _first = TestReplica::start(&database, 1, &["sweep"], &started).await;
    let _second = TestReplica::start(&database, 2, &["sweep"], &started).await;
    let (mut number, mut lease) = next_start(&mut starts).await;
    // The first replica may pass the lease to the assigned replica. After that the holder must not change.
    while let Ok(Some((next, newer))) = timeout(TIMING.timeout * 2, starts.recv()).await {
        assert!(
            lease.has_ended(),
            "replica {number} still works although replica {next} has taken the lease"
        );
        assert!(newer.token() > lease.token());
        (number, lease) = (next, newer);
    }
    assert!(!lease.has_ended(), "no replica does the work");
}

async fn work_of_a_killed_replica_is_taken_over(database: ScratchDatabase) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &["sweep"], &started).await;
    let (_, lease) = next_start(&mut starts).await;
    first.kill();
    let second = TestReplica::start(&database, 2, &["sweep"], &started).await;
    let (number, taken) = next_start(&mut starts).await;
    assert_eq!(number, 2);
    assert!(taken.token() > lease.token());
    drop(second);
}

async fn a_released_lease_is_taken_at_once(database: ScratchDatabase) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &["sweep"], &started).await;
    let (_, lease) = next_start(&mut starts).await;
    first.replica.leave().await;
    assert!(lease.has_ended());
    for task in &first.tasks {
        task.abort();
    }
    let (replicas, held) = rows(&first.db).await;
    assert_eq!((replicas, held), (0, 0), "a replica that has left holds no lease");
    let _second = TestReplica::start(&database, 2, &["sweep"], &started).await;
    assert_eq!(next_start(&mut starts).await.0, 2);
}

async fn rows(db: &Db) -> (i64, i64) {
    let mut cx = CallContext::root("test");
    let mut read = db.read(&mut cx).await.unwrap();
    let count = offshoot_db::sql!("SELECT CAST(count(*) AS bigint) FROM offshoot_replicas");
    let (replicas,): (i64,) = read.fetch_one(count, ()).await.unwrap();
    let count = offshoot_db::sql!("SELECT CAST(count(*) AS bigint) FROM offshoot_leases WHERE holder IS NOT NULL");
    let (held,): (i64,) = read.fetch_one(count, ()).await.unwrap();
    (replicas, held)
}

async fn leases_of_a_group_are_shared_evenly(database: ScratchDatabase) {
    let names = ["gauges/0", "gauges/1", "gauges/2", "gauges/3"];
    let (started, mut starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &names, &started).await;
    let mut holders = std::collections::BTreeMap::new();
    while holders.len() < 4 {
        let (number, lease) = next_start(&mut starts).await;
        holders.insert(lease.name().to_owned(), (number, lease));
    }
    let second = TestReplica::start(&database, 2, &names, &started).await;
    let share = |holders: &std::collections::BTreeMap<String, (u32, Lease)>| {
        holders
            .values()
            .filter(|(number, lease)| *number == 2 && !lease.has_ended())
            .count()
    };
    while share(&holders) < 2 {
        let (number, lease) = next_start(&mut starts).await;
        holders.insert(lease.name().to_owned(), (number, lease));
    }
    assert_eq!(holders.values().filter(|(_, lease)| !lease.has_ended()).count(), 4);
    // The second replica takes over the leases of the killed replica.
    first.kill();
    while holders.values().any(|(number, _)| *number == 1) {
        let (number, lease) = next_start(&mut starts).await;
        holders.insert(lease.name().to_owned(), (number, lease));
    }
    drop(second);
}

async fn a_former_lease_holder_cannot_write(database: ScratchDatabase) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &["sweep"], &started).await;
    let (_, lease) = next_start(&mut starts).await;
    let db = first.db.clone();
    let mut cx = lease.context("test", PATIENCE);
    let tx = db.begin(&mut cx).await.expect("the holder may write");
    tx.commit_part().await.unwrap();
    first.kill();
    let second = TestReplica::start(&database, 2, &["sweep"], &started).await;
    next_start(&mut starts).await;
    // The former holder has not noticed the loss of the lease.
    let mut cx = lease.context("test", PATIENCE);
    let refused = db.begin(&mut cx).await.err().expect("another replica holds the lease");
    assert_eq!(
        (refused.kind(), refused.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    drop(second);
}

async fn a_replica_without_database_stops_its_work(database: ScratchDatabase) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &["sweep"], &started).await;
    let (_, lease) = next_start(&mut starts).await;
    first.db.close().await;
    timeout(TIMING.timeout, lease.wait_until_ended())
        .await
        .expect("the work stops before other replicas may consider this one dead");
}

/// Connections of SQLite become read-only by a pragma, those of Postgres by a lost right.
async fn a_replica_that_cannot_write_says_why(database: ScratchDatabase) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &["sweep"], &started).await;
    next_start(&mut starts).await;
    assert_eq!(first.replica.write_failure(), None);
    let set_read_only = async |to: bool| match first.db.engine() {
        Engine::Sqlite => {
            let mut cx = CallContext::root("test");
            let mut tx = first.db.begin(&mut cx).await.unwrap();
            let on = sql!(sqlite: "PRAGMA query_only = 1", postgres: "SELECT 1");
            tx.execute(on, ()).await.unwrap();
            tx.commit_part().await.unwrap();
        }
        Engine::Postgres => {
            let lost = "REVOKE INSERT, UPDATE ON warehouse.offshoot_replicas FROM warehouse";
            let given = "GRANT INSERT, UPDATE ON warehouse.offshoot_replicas TO warehouse";
            database.administer("warehouse", if to { lost } else { given }).await;
        }
    };
    let wait_for = async |part: Option<&str>| {
        let is_seen = || match (first.replica.write_failure(), part) {
            (Some(failure), Some(part)) => failure.contains(part),
            (failure, part) => failure.is_none() && part.is_none(),
        };
        timeout(PATIENCE, async {
            while !is_seen() {
                sleep(TIMING.interval).await;
            }
        })
        .await
        .expect("a heartbeat finds out");
    };
    set_read_only(true).await;
    let part = match first.db.engine() {
        Engine::Sqlite => "readonly",
        Engine::Postgres => "permission denied",
    };
    wait_for(Some(part)).await;
    // On SQLite nothing can begin a transaction any more, which could end the pragma.
    if first.db.engine() == Engine::Postgres {
        set_read_only(false).await;
        wait_for(None).await;
    }
}

/// A process suspended for longer than the heartbeat timeout finds with the next heartbeat that the lease was lost.
async fn a_suspended_replica_stops_its_work_when_it_resumes(database: ScratchDatabase) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &["sweep"], &started).await;
    let (_, lease) = next_start(&mut starts).await;
    // Another replica removed this one meanwhile and took the lease.
    database
        .administer(
            "warehouse",
            "UPDATE offshoot_leases SET holder = NULL, token = token + 1; DELETE FROM offshoot_replicas",
        )
        .await;
    timeout(TIMING.interval * 10, lease.wait_until_ended())
        .await
        .expect("the next heartbeat finds that the lease was lost");
    let (_, again) = next_start(&mut starts).await;
    assert!(again.token() > lease.token());
    drop(first);
}

async fn work_that_returns_runs_again(database: ScratchDatabase) {
    let db = database.open(&SCHEMA).await;
    let replica = Replica::new(db, TIMING);
    let rounds = Arc::new(AtomicU32::new(0));
    let (counted, holding) = (Arc::clone(&rounds), Arc::clone(&replica));
    let work = tokio::spawn(async move {
        let work = |_| {
            let rounds = Arc::clone(&counted);
            async move {
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        };
        holding.run_under_lease("sweep", work).await;
    });
    let run = tokio::spawn(async move { replica.send_heartbeats().await });
    let done = async {
        while rounds.load(Ordering::Relaxed) < 3 {
            sleep(TIMING.interval / 2).await;
        }
    };
    timeout(PATIENCE, done).await.expect("work that returns runs again");
    work.abort();
    run.abort();
}

/// A copy of the data has the rows of the processes that ran when the copy was taken, but none of their later heartbeats.
async fn a_process_is_seen_on_its_own_data_only(database: ScratchDatabase) {
    let (started, _starts) = mpsc::unbounded_channel();
    let first = TestReplica::start(&database, 1, &[], &started).await;
    let second = TestReplica::start(&database, 2, &[], &started).await;
    let instance = second.replica.instance();
    assert!(first.replica.sees(first.replica.instance()).await.unwrap());
    assert!(first.replica.sees(instance).await.unwrap());
    // From here on, the data is what a copy of it would be.
    second.kill();
    let unseen = async { while first.replica.sees(instance).await.unwrap() {} };
    timeout(PATIENCE, unseen).await.expect("the heartbeats have ended");
    assert!(!first.replica.sees(Uuid::now_v7()).await.unwrap());
}
