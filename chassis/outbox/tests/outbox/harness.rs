//! Test harness: a module `warehouse` publishes counts of shelves, and a module `audit` records every delivered event.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, EventSet};
use offshoot_db::{Db, Migration, ModuleSchema, Tx, sql};
use offshoot_jobs::{HeartbeatTiming, Replica};
use offshoot_outbox::{
    Delivered, EventSource, LocalSource, Publish, Rejection, Subscriber, Subscription, SubscriptionSettings, Tail,
};
use offshoot_testkit::ScratchDatabase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Timeout of a wait, generous for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const TIMING: HeartbeatTiming = HeartbeatTiming {
    interval: Duration::from_millis(100),
    timeout: Duration::from_millis(1_000),
};

pub(crate) static WAREHOUSE: ModuleSchema = ModuleSchema {
    module: "warehouse",
    migrations: &[],
    tables: "",
};

pub(crate) static AUDIT: ModuleSchema = ModuleSchema {
    module: "audit",
    migrations: &[Migration {
        version: 1,
        name: "0001_recorded",
        sqlite: "-- offshoot: expand\nCREATE TABLE recorded (number INTEGER PRIMARY KEY, key TEXT NOT NULL, count INTEGER NOT NULL, \
                 position INTEGER NOT NULL) STRICT; \
                 CREATE TABLE counts (key TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL CHECK (count < 1000)) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE recorded (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                   key text COLLATE \"C\" NOT NULL, count bigint NOT NULL, position bigint NOT NULL); \
                   CREATE TABLE counts (key text COLLATE \"C\" NOT NULL PRIMARY KEY, count bigint NOT NULL CHECK (count < 1000));",
    }],
    tables: "",
};

/// Number of goods on a shelf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counted {
    pub(crate) shelf: String,
    pub(crate) count: i64,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "warehouse")]
pub(crate) enum WarehouseEvent {
    /// A shelf was counted.
    #[event(name = "counted", version = 1, key = shelf, lasting)]
    Counted(Counted),
    /// Somebody visited a shelf.
    #[event(name = "visited", version = 1, key = shelf)]
    Visited(Counted),
}

pub(crate) fn counted(shelf: &str, count: i64) -> WarehouseEvent {
    let shelf = shelf.to_owned();
    WarehouseEvent::Counted(Counted { shelf, count })
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("test").with_timeout(PATIENCE)
}

/// Publishes `events` in one transaction.
pub(crate) async fn publish(db: &Db, events: &[WarehouseEvent]) {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.unwrap();
    tx.publish_all(events).await.unwrap();
    tx.commit_part().await.unwrap();
}

/// Subscriber that records each delivered event, and refuses configured keys.
#[derive(Default)]
pub(crate) struct RecordingSubscriber {
    pub(crate) refused: Mutex<BTreeSet<String>>,
    pub(crate) panics: AtomicBool,
}

impl RecordingSubscriber {
    pub(crate) fn refuse(&self, key: &str) {
        self.refused.lock().unwrap().insert(key.to_owned());
    }

    pub(crate) fn accept(&self, key: &str) {
        self.refused.lock().unwrap().remove(key);
    }
}

#[async_trait]
impl Subscriber for RecordingSubscriber {
    type Event = WarehouseEvent;

    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<WarehouseEvent>) -> Result<(), Rejection> {
        let (WarehouseEvent::Counted(counted) | WarehouseEvent::Visited(counted)) = &event.event;
        let write = sql!("INSERT INTO recorded (key, count, position) VALUES ($1, $2, $3)");
        tx.execute(write, (&counted.shelf, counted.count, event.position))
            .await?;
        let refuses = self.refused.lock().unwrap().contains(&counted.shelf);
        if refuses {
            // Postgres rejects NUL in a text.
            return Err(Rejection::Event(format!("{} is refused\0", counted.shelf)));
        }
        assert!(
            !self.panics.load(Ordering::Relaxed),
            "this subscriber was told to panic"
        );
        Ok(())
    }
}

/// Settings with few attempts and short pauses.
pub(crate) fn quick(partitions: i32) -> SubscriptionSettings {
    SubscriptionSettings {
        partitions,
        attempts: 3,
        pause: Duration::from_millis(50),
        ..SubscriptionSettings::default()
    }
}

pub(crate) fn recording_subscription(subscriber: &Arc<RecordingSubscriber>, partitions: i32) -> Subscription {
    Subscription::new("recorder", Arc::clone(subscriber)).with_settings(quick(partitions))
}

/// A process that handles events until killed.
pub(crate) struct Process {
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(audit: &Db, source: Arc<dyn EventSource>, subscription: Subscription) -> Self {
        let replica = Replica::new(audit.clone(), TIMING);
        let tail = Tail::new(source);
        let running = Arc::clone(&replica);
        let tasks = vec![
            tokio::spawn(async move { running.send_heartbeats().await }),
            tokio::spawn(Arc::clone(&tail).poll_head()),
            tokio::spawn(offshoot_outbox::handle_events(subscription, tail, replica)),
        ];
        Self { tasks }
    }

    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Both modules on one database, and the subscriber of `audit`.
pub(crate) struct Harness {
    pub(crate) database: ScratchDatabase,
    pub(crate) warehouse: Db,
    pub(crate) audit: Db,
    pub(crate) subscriber: Arc<RecordingSubscriber>,
}

impl Harness {
    pub(crate) async fn on(database: ScratchDatabase) -> Self {
        let (warehouse, audit) = (database.open(&WAREHOUSE).await, database.open(&AUDIT).await);
        Self {
            database,
            warehouse,
            audit,
            subscriber: Arc::default(),
        }
    }

    pub(crate) fn start(&self, partitions: i32) -> Process {
        let source = LocalSource::new(self.warehouse.clone());
        Process::start(
            &self.audit,
            source,
            recording_subscription(&self.subscriber, partitions),
        )
    }

    /// The recorded events as key and count, in the order of recording.
    pub(crate) async fn recorded_events(&self) -> Vec<(String, i64)> {
        let mut cx = cx();
        let mut read = self.audit.read(&mut cx).await.unwrap();
        let all = sql!("SELECT key, count FROM recorded ORDER BY number");
        read.fetch_all(all, ()).await.unwrap()
    }

    /// Waits until `count` events are recorded. Fails if more are.
    pub(crate) async fn wait_for_events(&self, count: usize) -> Vec<(String, i64)> {
        wait_until(async || self.recorded_events().await.len() >= count).await;
        let recorded = self.recorded_events().await;
        assert_eq!(recorded.len(), count, "{recorded:?}");
        recorded
    }
}

/// Waits until the condition holds. Fails after [`PATIENCE`].
pub(crate) async fn wait_until(holds: impl AsyncFn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < give_up, "the condition did not hold in time");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The recorded counts of a key, in order.
pub(crate) fn counts_of(recorded: &[(String, i64)], key: &str) -> Vec<i64> {
    recorded
        .iter()
        .filter(|(shelf, _)| shelf == key)
        .map(|(_, count)| *count)
        .collect()
}

pub(crate) async fn status(db: &Db) -> Vec<offshoot_outbox::SubscriptionStatus> {
    offshoot_outbox::status(db, &mut cx()).await.unwrap()
}

/// Text of the failure.
pub(crate) fn failed(result: Result<(), CallFailure>) -> String {
    result.unwrap_err().to_string()
}
