//! A module `depot` that announces what is counted, and a module `ledger` that writes down what it hears of.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, EventSet};
use offshoot_db::{Db, Migration, ModuleSchema, Tx, sql};
use offshoot_jobs::{Pace, Replica};
use offshoot_outbox::{
    Delivered, EventSource, LocalSource, Publish, Rejection, Subscriber, Subscription, SubscriptionSettings, Tail,
};
use offshoot_testkit::Fresh;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a machine that does other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Pace = Pace {
    beat: Duration::from_millis(100),
    silence: Duration::from_millis(1_000),
};

pub(crate) static DEPOT: ModuleSchema = ModuleSchema {
    module: "depot",
    migrations: &[],
    tables: "",
};

pub(crate) static LEDGER: ModuleSchema = ModuleSchema {
    module: "ledger",
    migrations: &[Migration {
        version: 1,
        name: "0001_heard",
        sqlite: "-- offshoot: expand\nCREATE TABLE heard (number INTEGER PRIMARY KEY, key TEXT NOT NULL, count INTEGER NOT NULL, \
                 position INTEGER NOT NULL) STRICT; \
                 CREATE TABLE counts (key TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL CHECK (count < 1000)) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE heard (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                   key text COLLATE \"C\" NOT NULL, count bigint NOT NULL, position bigint NOT NULL); \
                   CREATE TABLE counts (key text COLLATE \"C\" NOT NULL PRIMARY KEY, count bigint NOT NULL CHECK (count < 1000));",
    }],
    tables: "",
};

/// So many are there now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counted {
    pub(crate) shelf: String,
    pub(crate) count: i64,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "depot")]
pub(crate) enum DepotEvent {
    /// A shelf was counted.
    #[event(name = "counted", version = 1, key = shelf, lasting)]
    Counted(Counted),
    /// Somebody came in.
    #[event(name = "visited", version = 1, key = shelf)]
    Visited(Counted),
}

pub(crate) fn counted(shelf: &str, count: i64) -> DepotEvent {
    let shelf = shelf.to_owned();
    DepotEvent::Counted(Counted { shelf, count })
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("test").with_timeout(PATIENCE)
}

/// Announces these in one transaction.
pub(crate) async fn announce(db: &Db, events: &[DepotEvent]) {
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.unwrap();
    tx.publish_all(events).await.unwrap();
    tx.commit_part().await.unwrap();
}

/// Writes down each event that it gets, and refuses what it is told to.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) refused: Mutex<BTreeSet<String>>,
    pub(crate) panics: AtomicBool,
}

impl Listener {
    pub(crate) fn refuse(&self, key: &str) {
        self.refused.lock().unwrap().insert(key.to_owned());
    }

    pub(crate) fn accept(&self, key: &str) {
        self.refused.lock().unwrap().remove(key);
    }
}

#[async_trait]
impl Subscriber for Listener {
    type Event = DepotEvent;

    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<DepotEvent>) -> Result<(), Rejection> {
        let (DepotEvent::Counted(what) | DepotEvent::Visited(what)) = &event.event;
        let write = sql!("INSERT INTO heard (key, count, position) VALUES ($1, $2, $3)");
        tx.execute(write, (&what.shelf, what.count, event.position)).await?;
        let refuses = self.refused.lock().unwrap().contains(&what.shelf);
        if refuses {
            return Err(Rejection::Event(format!("{} is not wanted", what.shelf)));
        }
        assert!(!self.panics.load(Ordering::Relaxed), "as it was told");
        Ok(())
    }
}

pub(crate) fn quick(partitions: i32) -> SubscriptionSettings {
    SubscriptionSettings {
        partitions,
        attempts: 3,
        pause: Duration::from_millis(50),
        ..SubscriptionSettings::default()
    }
}

pub(crate) fn listening(listener: &Arc<Listener>, partitions: i32) -> Subscription {
    Subscription::new("listener", Arc::clone(listener)).with(quick(partitions))
}

/// A process that handles events, until it is killed.
pub(crate) struct Process {
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(ledger: &Db, source: Arc<dyn EventSource>, subscription: Subscription) -> Self {
        let replica = Replica::new(ledger.clone(), PACE);
        let tail = Tail::new(source);
        let running = Arc::clone(&replica);
        let tasks = vec![
            tokio::spawn(async move { running.run().await }),
            tokio::spawn(Arc::clone(&tail).run()),
            tokio::spawn(offshoot_outbox::run(subscription, tail, replica)),
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

/// Both modules on one place, with a listener.
pub(crate) struct Rig {
    pub(crate) place: Fresh,
    pub(crate) depot: Db,
    pub(crate) ledger: Db,
    pub(crate) listener: Arc<Listener>,
}

impl Rig {
    pub(crate) async fn on(place: Fresh) -> Self {
        let (depot, ledger) = (place.open(&DEPOT).await, place.open(&LEDGER).await);
        Self {
            place,
            depot,
            ledger,
            listener: Arc::default(),
        }
    }

    pub(crate) fn start(&self, partitions: i32) -> Process {
        let source = LocalSource::new(self.depot.clone());
        Process::start(&self.ledger, source, listening(&self.listener, partitions))
    }

    /// What was heard, in the order in which it was written down.
    pub(crate) async fn heard(&self) -> Vec<(String, i64)> {
        let mut cx = cx();
        let mut read = self.ledger.read(&mut cx).await.unwrap();
        let all = sql!("SELECT key, count FROM heard ORDER BY number");
        read.fetch_all(all, ()).await.unwrap()
    }

    /// Waits until so many events were heard; fails if more come.
    pub(crate) async fn hears(&self, count: usize) -> Vec<(String, i64)> {
        eventually(async || self.heard().await.len() >= count).await;
        let heard = self.heard().await;
        assert_eq!(heard.len(), count, "{heard:?}");
        heard
    }
}

pub(crate) async fn eventually(holds: impl AsyncFn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < give_up, "it does not come about");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The counts that were heard of a key, in order.
pub(crate) fn of(heard: &[(String, i64)], key: &str) -> Vec<i64> {
    heard
        .iter()
        .filter(|(shelf, _)| shelf == key)
        .map(|(_, count)| *count)
        .collect()
}

pub(crate) async fn status(db: &Db) -> Vec<offshoot_outbox::SubscriptionStatus> {
    offshoot_outbox::status(db, &mut cx()).await.unwrap()
}

pub(crate) fn failed(result: Result<(), CallFailure>) -> String {
    result.unwrap_err().to_string()
}
