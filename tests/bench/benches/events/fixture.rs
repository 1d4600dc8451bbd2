//! Fixture of two modules: `publisher` publishes events, `subscriber` handles them. Runs on either engine with
//! production durability settings.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, EventSet};
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, Migration, ModuleSchema, PgBudget, Tx, migrate, sql};
use offshoot_jobs::{HeartbeatTiming, Replica};
use offshoot_outbox::{
    Delivered, LocalSource, Projection, Rejection, Subscriber, Subscription, SubscriptionSettings, Tail,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::postgres::Postgres;

/// Connections per module.
pub(crate) const CONNECTIONS: u32 = 12;

static PUBLISHER: ModuleSchema = ModuleSchema {
    module: "publisher",
    migrations: &[Migration {
        version: 1,
        name: "0001_work",
        sqlite: "-- offshoot: expand\nCREATE TABLE work (id INTEGER PRIMARY KEY, state TEXT NOT NULL, at INTEGER NOT NULL) STRICT; \
                 CREATE TABLE steps (id INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (id, name)) STRICT; \
                 CREATE TABLE sums (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE work (id bigint PRIMARY KEY, state text NOT NULL, at bigint NOT NULL); \
                   CREATE TABLE steps (id bigint NOT NULL, name text NOT NULL, state text NOT NULL, PRIMARY KEY (id, name)); \
                   CREATE TABLE sums (id bigint PRIMARY KEY, amount bigint NOT NULL);",
    }],
    tables: "",
};

static SUBSCRIBER: ModuleSchema = ModuleSchema {
    module: "subscriber",
    migrations: &[Migration {
        version: 1,
        name: "0001_handled_events",
        sqlite: "-- offshoot: expand\nCREATE TABLE handled_events (number INTEGER PRIMARY KEY, key TEXT NOT NULL, count INTEGER NOT NULL) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE handled_events (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                   key text NOT NULL, count bigint NOT NULL);",
    }],
    tables: "",
};

/// An event of some hundred bytes, like an order of three lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counted {
    pub(crate) shelf: String,
    pub(crate) count: i64,
    pub(crate) note: String,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "publisher")]
pub(crate) enum BenchEvent {
    /// A shelf was counted.
    #[event(name = "counted", version = 1, key = shelf)]
    Counted(Counted),
}

pub(crate) fn counted(count: i64, keys: i64) -> BenchEvent {
    BenchEvent::Counted(Counted {
        shelf: format!("shelf-{}", count % keys),
        count,
        note: "n".repeat(600),
    })
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("bench").with_timeout(std::time::Duration::from_secs(600))
}

/// The databases of both modules.
pub(crate) struct Fixture {
    pub(crate) publisher: Db,
    pub(crate) subscriber: Db,
    pub(crate) url: Option<String>,
    _folder: TempDir,
}

impl Fixture {
    pub(crate) async fn create(engine: Engine, postgres: Option<&Postgres>, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder is created");
        let url = (engine == Engine::Postgres).then(|| postgres.expect("the caller has a cluster").database(name));
        let database: DatabaseUrl = match &url {
            Some(url) => url.parse().expect("the URL is valid"),
            None => DatabaseUrl::sqlite(folder.path()),
        };
        Self {
            publisher: open(&PUBLISHER, &database).await,
            subscriber: open(&SUBSCRIBER, &database).await,
            url,
            _folder: folder,
        }
    }
}

async fn open(schema: &'static ModuleSchema, url: &DatabaseUrl) -> Db {
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(CONNECTIONS),
            modules: 1,
        },
        ..DbOptions::default()
    };
    migrate(schema, url, &options).await.expect("an empty schema migrates");
    Db::open(schema, url, &options)
        .await
        .expect("the migrated schema opens")
}

/// Inserts one row per event. The function is called when the handling of an event begins.
pub(crate) struct RecordingSubscriber<F>(pub(crate) F);

#[async_trait]
impl<F: Fn(i64) + Send + Sync + 'static> Subscriber for RecordingSubscriber<F> {
    type Event = BenchEvent;

    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<BenchEvent>) -> Result<(), Rejection> {
        let BenchEvent::Counted(counted) = &event.event;
        (self.0)(counted.count);
        let write = sql!("INSERT INTO handled_events (key, count) VALUES ($1, $2)");
        tx.execute(write, (&counted.shelf, counted.count)).await?;
        Ok(())
    }
}

/// Inserts the same rows as a projection, one statement per batch.
pub(crate) struct RecordingProjection;

#[async_trait]
impl Projection for RecordingProjection {
    type Event = BenchEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<BenchEvent>]) -> Result<(), Rejection> {
        let rows = events.iter().map(|event| {
            let BenchEvent::Counted(counted) = &event.event;
            (counted.shelf.clone(), counted.count)
        });
        let write = sql!("INSERT INTO handled_events (key, count) VALUES $rows");
        tx.insert_many(write, rows).await?;
        Ok(())
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        tx.execute(sql!("DELETE FROM handled_events"), ()).await.map(drop)
    }
}

/// The tasks of a process that handles events; aborted on drop.
pub(crate) struct SubscriptionWorker(Vec<JoinHandle<()>>);

impl SubscriptionWorker {
    pub(crate) fn start(fixture: &Fixture, subscription: Subscription) -> Self {
        let replica = Replica::new(fixture.subscriber.clone(), HeartbeatTiming::default());
        let tail = Tail::new(LocalSource::new(fixture.publisher.clone()));
        let running = Arc::clone(&replica);
        Self(vec![
            tokio::spawn(async move { running.send_heartbeats().await }),
            tokio::spawn(Arc::clone(&tail).poll_head()),
            tokio::spawn(offshoot_outbox::handle_events(subscription, tail, replica)),
        ])
    }
}

impl Drop for SubscriptionWorker {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

pub(crate) fn settings(partitions: i32) -> SubscriptionSettings {
    SubscriptionSettings {
        partitions,
        ..SubscriptionSettings::default()
    }
}

/// Counts the handled events.
pub(crate) async fn count_handled(subscriber: &Db) -> i64 {
    let mut cx = cx();
    let mut read = subscriber.read(&mut cx).await.expect("a connection is free");
    let count = sql!("SELECT CAST(count(*) AS bigint) FROM handled_events");
    let (count,): (i64,) = read.fetch_one(count, ()).await.expect("the count is read");
    count
}
