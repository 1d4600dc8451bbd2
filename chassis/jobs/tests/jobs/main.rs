//! Replicas and leases on real databases of both engines: several handles on one database stand for several processes.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use offshoot_contract::{CallContext, FailureKind};
use offshoot_db::{Db, ModuleSchema};
use offshoot_jobs::{Lease, Pace, Replica};
use offshoot_testkit::{Fresh, on_both_engines};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

static DEPOT: ModuleSchema = ModuleSchema {
    module: "depot",
    migrations: &[],
    tables: "",
};

/// Quick, so that a test takes seconds.
const PACE: Pace = Pace {
    beat: Duration::from_millis(100),
    silence: Duration::from_millis(800),
};
/// Longer than anything here takes on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(30);

on_both_engines! {
    one_of_two_does_the_work,
    what_a_killed_one_did_is_taken_over,
    what_one_gave_back_is_taken_at_once,
    what_belongs_together_is_shared,
    an_earlier_holder_writes_nothing_more,
    one_that_is_cut_off_stops_by_itself,
    one_that_slept_stops_when_it_wakes,
    work_that_ends_is_done_again,
}

/// A process with one handle, which offers the work of these names and tells who works on what.
struct Worker {
    replica: Arc<Replica>,
    db: Db,
    tasks: Vec<JoinHandle<()>>,
}

impl Worker {
    async fn start(place: &Fresh, who: u32, names: &[&str], told: &mpsc::UnboundedSender<(u32, Lease)>) -> Self {
        let db = place.open(&DEPOT).await;
        let replica = Replica::new(db.clone(), PACE);
        let mut tasks = Vec::new();
        for name in names {
            let (replica, name, told) = (Arc::clone(&replica), (*name).to_owned(), told.clone());
            tasks.push(tokio::spawn(async move {
                let work = |lease: Lease| {
                    let told = told.clone();
                    async move {
                        told.send((who, lease)).unwrap();
                        std::future::pending::<()>().await;
                    }
                };
                replica.hold(name, work).await;
            }));
        }
        let running = Arc::clone(&replica);
        tasks.push(tokio::spawn(async move { running.run().await }));
        Self { replica, db, tasks }
    }

    /// Ends it as `kill -9` does: nothing is given back.
    fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn next(told: &mut mpsc::UnboundedReceiver<(u32, Lease)>) -> (u32, Lease) {
    timeout(PATIENCE, told.recv())
        .await
        .expect("somebody takes it")
        .unwrap()
}

async fn one_of_two_does_the_work(place: Fresh) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let _first = Worker::start(&place, 1, &["sweep"], &told).await;
    let _second = Worker::start(&place, 2, &["sweep"], &told).await;
    let (mut who, mut lease) = next(&mut heard).await;
    // The first to come may hand it to the other, whose turn it is. Then nothing changes any more.
    while let Ok(Some((next, newer))) = timeout(PACE.silence * 2, heard.recv()).await {
        assert!(lease.has_ended(), "{who} still works on what {next} has taken");
        assert!(newer.token() > lease.token());
        (who, lease) = (next, newer);
    }
    assert!(!lease.has_ended(), "nobody does it");
}

async fn what_a_killed_one_did_is_taken_over(place: Fresh) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let first = Worker::start(&place, 1, &["sweep"], &told).await;
    let (_, lease) = next(&mut heard).await;
    first.kill();
    let second = Worker::start(&place, 2, &["sweep"], &told).await;
    let (who, taken) = next(&mut heard).await;
    assert_eq!(who, 2);
    assert!(taken.token() > lease.token());
    drop(second);
}

async fn what_one_gave_back_is_taken_at_once(place: Fresh) {
    let (told, mut heard) = mpsc::unbounded_channel();
    // One that never takes a living one for dead.
    let first = Worker::start(&place, 1, &["sweep"], &told).await;
    let (_, lease) = next(&mut heard).await;
    first.replica.leave().await;
    assert!(lease.has_ended());
    for task in &first.tasks {
        task.abort();
    }
    let (replicas, held) = rows(&first.db).await;
    assert_eq!((replicas, held), (0, 0), "it is gone and holds nothing");
    let _second = Worker::start(&place, 2, &["sweep"], &told).await;
    assert_eq!(next(&mut heard).await.0, 2);
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

async fn what_belongs_together_is_shared(place: Fresh) {
    let names = ["gauges/0", "gauges/1", "gauges/2", "gauges/3"];
    let (told, mut heard) = mpsc::unbounded_channel();
    let first = Worker::start(&place, 1, &names, &told).await;
    let mut holders = std::collections::BTreeMap::new();
    while holders.len() < 4 {
        let (who, lease) = next(&mut heard).await;
        holders.insert(lease.name().to_owned(), (who, lease));
    }
    let second = Worker::start(&place, 2, &names, &told).await;
    let share = |holders: &std::collections::BTreeMap<String, (u32, Lease)>| {
        holders
            .values()
            .filter(|(who, lease)| *who == 2 && !lease.has_ended())
            .count()
    };
    while share(&holders) < 2 {
        let (who, lease) = next(&mut heard).await;
        holders.insert(lease.name().to_owned(), (who, lease));
    }
    assert_eq!(holders.values().filter(|(_, lease)| !lease.has_ended()).count(), 4);
    // With the first one gone, the other does all.
    first.kill();
    while holders.values().any(|(who, _)| *who == 1) {
        let (who, lease) = next(&mut heard).await;
        holders.insert(lease.name().to_owned(), (who, lease));
    }
    drop(second);
}

async fn an_earlier_holder_writes_nothing_more(place: Fresh) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let first = Worker::start(&place, 1, &["sweep"], &told).await;
    let (_, lease) = next(&mut heard).await;
    let db = first.db.clone();
    let mut cx = lease.context("test", PATIENCE);
    let tx = db.begin(&mut cx).await.expect("the holder may write");
    tx.commit_part().await.unwrap();
    first.kill();
    let second = Worker::start(&place, 2, &["sweep"], &told).await;
    next(&mut heard).await;
    // It does not know yet: nobody has told it.
    let mut cx = lease.context("test", PATIENCE);
    let refused = db.begin(&mut cx).await.err().expect("another one has the lease");
    assert_eq!(
        (refused.kind(), refused.may_have_executed()),
        (&FailureKind::Unavailable, false)
    );
    drop(second);
}

async fn one_that_is_cut_off_stops_by_itself(place: Fresh) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let first = Worker::start(&place, 1, &["sweep"], &told).await;
    let (_, lease) = next(&mut heard).await;
    first.db.close().await;
    timeout(PACE.silence, lease.ended())
        .await
        .expect("it stops before others may take it for dead");
}

/// The same as a process that was stopped for longer than the others wait, and goes on: its first look ends its work.
async fn one_that_slept_stops_when_it_wakes(place: Fresh) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let first = Worker::start(&place, 1, &["sweep"], &told).await;
    let (_, lease) = next(&mut heard).await;
    // Buried by another one meanwhile, who has the lease.
    place
        .administer(
            "depot",
            "UPDATE offshoot_leases SET holder = NULL, token = token + 1; DELETE FROM offshoot_replicas",
        )
        .await;
    timeout(PACE.beat * 10, lease.ended())
        .await
        .expect("within a beat it sees that it was lost");
    let (_, again) = next(&mut heard).await;
    assert!(again.token() > lease.token());
    drop(first);
}

async fn work_that_ends_is_done_again(place: Fresh) {
    let db = place.open(&DEPOT).await;
    let replica = Replica::new(db, PACE);
    let rounds = Arc::new(AtomicU32::new(0));
    let (counted, holding) = (Arc::clone(&rounds), Arc::clone(&replica));
    let work = tokio::spawn(async move {
        let work = |_| {
            let rounds = Arc::clone(&counted);
            async move {
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        };
        holding.hold("sweep", work).await;
    });
    let run = tokio::spawn(async move { replica.run().await });
    let done = async {
        while rounds.load(Ordering::Relaxed) < 3 {
            sleep(PACE.beat / 2).await;
        }
    };
    timeout(PATIENCE, done).await.expect("it is done again and again");
    work.abort();
    run.abort();
}
