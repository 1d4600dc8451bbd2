//! Fixture: a `publisher` module that publishes counts, a `subscriber` module that records them, and their backups.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_backup::{
    BackupError, CreateOptions, Diagnosis, Manifest, ModuleData, RestoreOptions, RestoreReport, VerifiedModule,
    create_backup, diagnose, restore_backup, verify_backup,
};
use offshoot_contract::{CallContext, EventSet, SystemClock};
use offshoot_db::{Db, Migration, ModuleSchema, Tx, sql};
use offshoot_jobs::{HeartbeatTiming, Replica};
use offshoot_outbox::{Delivered, LocalSource, Publish as _, Rejection, Subscriber, Subscription, Tail};
use offshoot_testkit::ScratchDatabase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Far above the duration of any step, also on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);
const HEARTBEATS: HeartbeatTiming = HeartbeatTiming {
    interval: Duration::from_millis(100),
    timeout: Duration::from_millis(1_000),
};

static PUBLISHER: ModuleSchema = ModuleSchema {
    module: "publisher",
    migrations: &[],
    tables: "",
};

static SUBSCRIBER: ModuleSchema = ModuleSchema {
    module: "subscriber",
    migrations: &[Migration {
        version: 1,
        name: "0001_recorded",
        sqlite: "-- offshoot: expand\nCREATE TABLE recorded (number INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT; \
                 CREATE TABLE a_remark (recorded INTEGER NOT NULL REFERENCES recorded (number), text TEXT NOT NULL) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE recorded (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                   count bigint NOT NULL, twice bigint GENERATED ALWAYS AS (count * 2) STORED); \
                   CREATE TABLE a_remark (recorded bigint NOT NULL REFERENCES recorded (number), text text NOT NULL);",
    }],
    tables: "",
};

/// Payload of a count event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counted {
    shelf: String,
    count: i64,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "publisher")]
enum PublisherEvent {
    /// A shelf was counted.
    #[event(name = "counted", version = 1, key = shelf)]
    Counted(Counted),
}

struct Recorder;

#[async_trait]
impl Subscriber for Recorder {
    type Event = PublisherEvent;

    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<PublisherEvent>) -> Result<(), Rejection> {
        let PublisherEvent::Counted(counted) = &event.event;
        let (number,): (i64,) = tx
            .fetch_one(
                sql!("INSERT INTO recorded (count) VALUES ($1) RETURNING number"),
                (counted.count,),
            )
            .await?;
        let remark = sql!("INSERT INTO a_remark (recorded, text) VALUES ($1, $2)");
        // Line breaks and tabs inside a value must survive the export as text rows.
        tx.execute(remark, (number, "one\\n\ttwo\nthree")).await?;
        Ok(())
    }
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("test").with_timeout(TIMEOUT)
}

/// Both modules in one scratch database, with a directory for backups. No connection stays open between two steps.
pub(crate) struct Fixture {
    pub(crate) database: ScratchDatabase,
    backups: TempDir,
}

impl Fixture {
    /// Migrates both modules; the publisher publishes `counts` and the subscriber records them.
    pub(crate) async fn with_events(database: ScratchDatabase, counts: &[i64]) -> Self {
        let fixture = Self {
            database,
            backups: tempfile::tempdir().unwrap(),
        };
        fixture.database.open(&PUBLISHER).await.close().await;
        if counts.is_empty() {
            // The subscriber is only migrated and gets no cursor: a process would create a cursor or not, depending on speed.
            fixture.open_subscriber().await.close().await;
            return fixture;
        }
        fixture.publish_counts(counts).await;
        assert_eq!(fixture.process_until(counts.len()).await, counts);
        fixture
    }

    /// The data of both modules, subscriber first: the order of snapshots.
    pub(crate) fn hosted(&self) -> [ModuleData; 2] {
        [&SUBSCRIBER, &PUBLISHER].map(|schema| ModuleData {
            schema,
            url: self.database.url().clone(),
        })
    }

    pub(crate) fn backup(&self, name: &str) -> PathBuf {
        self.backups.path().join(name)
    }

    pub(crate) async fn open_publisher(&self) -> Db {
        self.database.open(&PUBLISHER).await
    }

    pub(crate) async fn open_subscriber(&self) -> Db {
        self.database.open(&SUBSCRIBER).await
    }

    pub(crate) async fn publish_counts(&self, counts: &[i64]) {
        let db = self.open_publisher().await;
        for count in counts {
            let mut cx = cx();
            let mut tx = db.begin(&mut cx).await.unwrap();
            let (shelf, count) = ("a".to_owned(), *count);
            tx.publish(&PublisherEvent::Counted(Counted { shelf, count }))
                .await
                .unwrap();
            tx.commit_part().await.unwrap();
        }
        db.close().await;
    }

    /// The recorded counts, in order.
    pub(crate) async fn recorded(&self) -> Vec<i64> {
        let db = self.open_subscriber().await;
        let recorded = read_recorded(&db).await;
        db.close().await;
        recorded
    }

    /// Runs a subscriber process until `count` counts are recorded and every partition is current, then kills the
    /// process. Fails if more counts are recorded.
    pub(crate) async fn process_until(&self, count: usize) -> Vec<i64> {
        self.run_process_until(async |subscriber| {
            let status = offshoot_outbox::status(subscriber, &mut cx()).await.unwrap();
            read_recorded(subscriber).await.len() >= count
                && status.iter().all(|partition| partition.current_at.is_some())
        })
        .await;
        let recorded = self.recorded().await;
        assert_eq!(recorded.len(), count, "{recorded:?}");
        recorded
    }

    /// Runs a subscriber process until the subscription is held. Returns the reason.
    pub(crate) async fn held_reason(&self) -> String {
        self.run_process_until(async |subscriber| read_held_reason(subscriber).await.is_some())
            .await;
        let db = self.open_subscriber().await;
        let held = read_held_reason(&db).await.unwrap();
        db.close().await;
        held
    }

    /// Runs a subscriber process until `until` is true, then kills the process.
    async fn run_process_until(&self, until: impl AsyncFn(&Db) -> bool) {
        let (publisher, subscriber) = (self.open_publisher().await, self.open_subscriber().await);
        let replica = Replica::new(subscriber.clone(), HEARTBEATS);
        let tail = Tail::new(LocalSource::new(publisher.clone()));
        let running = Arc::clone(&replica);
        let subscription = Subscription::new("recorder", Arc::new(Recorder));
        let tasks = [
            tokio::spawn(async move { running.send_heartbeats().await }),
            tokio::spawn(Arc::clone(&tail).poll_head()),
            tokio::spawn(offshoot_outbox::handle_events(subscription, tail, replica)),
        ];
        let deadline = Instant::now() + TIMEOUT;
        while !until(&subscriber).await {
            assert!(Instant::now() < deadline, "the condition is not met after {TIMEOUT:?}");
            sleep(Duration::from_millis(10)).await;
        }
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        publisher.close().await;
        subscriber.close().await;
    }

    pub(crate) async fn create(&self, name: &str) -> Result<Manifest, BackupError> {
        let (options, directory) = (CreateOptions::default(), self.backup(name));
        create_backup(&self.hosted(), &directory, &options, &SystemClock, &mut |_| {}).await
    }

    pub(crate) async fn verify(&self, name: &str) -> Result<Vec<VerifiedModule>, BackupError> {
        verify_backup(&self.backup(name), &mut |_| {})
            .await
            .map(|(_, found)| found)
    }

    /// Restores `modules`, all if empty, in place of the existing data.
    pub(crate) async fn restore_replacing(&self, name: &str, modules: &[&str]) -> RestoreReport {
        let modules = modules.iter().map(|module| (*module).to_owned()).collect();
        let options = RestoreOptions {
            modules,
            replace: true,
            ..RestoreOptions::default()
        };
        self.restore(name, &options).await.unwrap()
    }

    pub(crate) async fn restore(&self, name: &str, options: &RestoreOptions) -> Result<RestoreReport, BackupError> {
        restore_backup(&self.hosted(), &self.backup(name), options, &SystemClock, &mut |_| {}).await
    }

    pub(crate) async fn diagnose(&self) -> Diagnosis {
        diagnose(&self.hosted(), &Default::default(), &SystemClock, &mut |_| {}).await
    }

    /// Changes the manifest of a backup together with its recorded checksum.
    pub(crate) fn tamper_with_manifest(&self, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
        use sha2::Digest as _;
        let path = self.backup(name).join("manifest.json");
        let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut manifest);
        let text = serde_json::to_vec(&manifest).unwrap();
        let sum: String = sha2::Sha256::digest(&text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        fs::write(&path, text).unwrap();
        let sums = self.backup(name).join("SHA256SUMS");
        let recorded = fs::read_to_string(&sums).unwrap();
        let others = recorded.lines().filter(|line| !line.ends_with("manifest.json"));
        let lines: Vec<_> = others
            .map(str::to_owned)
            .chain([format!("{sum}  manifest.json")])
            .collect();
        fs::write(sums, lines.join("\n")).unwrap();
    }
}

async fn read_recorded(db: &Db) -> Vec<i64> {
    let mut cx = cx();
    let mut read = db.read(&mut cx).await.unwrap();
    let rows: Vec<(i64,)> = read
        .fetch_all(sql!("SELECT count FROM recorded ORDER BY number"), ())
        .await
        .unwrap();
    rows.into_iter().map(|(count,)| count).collect()
}

async fn read_held_reason(db: &Db) -> Option<String> {
    let status = offshoot_outbox::status(db, &mut cx()).await.unwrap();
    status.into_iter().find_map(|partition| partition.held)
}
