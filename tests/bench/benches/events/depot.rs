//! Two modules to measure with: `depot` announces, `ledger` hears. On either engine, as durable as in production.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, EventSet};
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, Migration, ModuleSchema, PgBudget, Tx, migrate, sql};
use offshoot_jobs::{Pace, Replica};
use offshoot_outbox::{
    Delivered, LocalSource, Projection, Rejection, Subscriber, Subscription, SubscriptionSettings, Tail,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::postgres::Postgres;

/// Connections of each module.
pub(crate) const CONNECTIONS: u32 = 12;

static DEPOT: ModuleSchema = ModuleSchema {
    module: "depot",
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

static LEDGER: ModuleSchema = ModuleSchema {
    module: "ledger",
    migrations: &[Migration {
        version: 1,
        name: "0001_heard",
        sqlite: "-- offshoot: expand\nCREATE TABLE heard (number INTEGER PRIMARY KEY, key TEXT NOT NULL, count INTEGER NOT NULL) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE heard (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                   key text NOT NULL, count bigint NOT NULL);",
    }],
    tables: "",
};

/// Some hundred bytes, as an order of three lines has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counted {
    pub(crate) shelf: String,
    pub(crate) count: i64,
    pub(crate) note: String,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "depot")]
pub(crate) enum DepotEvent {
    /// A shelf was counted.
    #[event(name = "counted", version = 1, key = shelf)]
    Counted(Counted),
}

pub(crate) fn counted(count: i64, keys: i64) -> DepotEvent {
    DepotEvent::Counted(Counted {
        shelf: format!("shelf-{}", count % keys),
        count,
        note: "n".repeat(600),
    })
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("bench").with_timeout(std::time::Duration::from_secs(600))
}

/// Both modules' data.
pub(crate) struct Place {
    pub(crate) depot: Db,
    pub(crate) ledger: Db,
    pub(crate) url: Option<String>,
    _folder: TempDir,
}

impl Place {
    pub(crate) async fn on(engine: Engine, postgres: Option<&Postgres>, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = (engine == Engine::Postgres).then(|| postgres.expect("there is one").database(name));
        let place: DatabaseUrl = match &url {
            Some(url) => url.parse().expect("a URL"),
            None => DatabaseUrl::sqlite(folder.path()),
        };
        Self {
            depot: open(&DEPOT, &place).await,
            ledger: open(&LEDGER, &place).await,
            url,
            _folder: folder,
        }
    }
}

async fn open(schema: &'static ModuleSchema, url: &DatabaseUrl) -> Db {
    let options = DbOptions {
        postgres: PgBudget {
            connections: CONNECTIONS,
            modules: 1,
        },
        ..DbOptions::default()
    };
    migrate(schema, url, &options).await.expect("a new schema");
    Db::open(schema, url, &options).await.expect("a migrated schema")
}

/// Writes each event down; `seen` is called when its handling begins.
pub(crate) struct Listener<F>(pub(crate) F);

#[async_trait]
impl<F: Fn(i64) + Send + Sync + 'static> Subscriber for Listener<F> {
    type Event = DepotEvent;

    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<DepotEvent>) -> Result<(), Rejection> {
        let DepotEvent::Counted(what) = &event.event;
        (self.0)(what.count);
        let write = sql!("INSERT INTO heard (key, count) VALUES ($1, $2)");
        tx.execute(write, (&what.shelf, what.count)).await?;
        Ok(())
    }
}

/// The same as a copy, in sets.
pub(crate) struct Copy;

#[async_trait]
impl Projection for Copy {
    type Event = DepotEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<DepotEvent>]) -> Result<(), Rejection> {
        let rows = events.iter().map(|event| {
            let DepotEvent::Counted(what) = &event.event;
            (what.shelf.clone(), what.count)
        });
        let write = sql!("INSERT INTO heard (key, count) VALUES $rows");
        tx.insert_many(write, rows).await?;
        Ok(())
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        tx.execute(sql!("DELETE FROM heard"), ()).await.map(drop)
    }
}

/// A process that handles events, for as long as it lives.
pub(crate) struct Hearing(Vec<JoinHandle<()>>);

impl Hearing {
    pub(crate) fn start(place: &Place, subscription: Subscription) -> Self {
        let replica = Replica::new(place.ledger.clone(), Pace::default());
        let tail = Tail::new(LocalSource::new(place.depot.clone()));
        let running = Arc::clone(&replica);
        Self(vec![
            tokio::spawn(async move { running.run().await }),
            tokio::spawn(Arc::clone(&tail).run()),
            tokio::spawn(offshoot_outbox::run(subscription, tail, replica)),
        ])
    }
}

impl Drop for Hearing {
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

/// How many events were heard.
pub(crate) async fn heard(ledger: &Db) -> i64 {
    let mut cx = cx();
    let mut read = ledger.read(&mut cx).await.expect("a connection");
    let count = sql!("SELECT CAST(count(*) AS bigint) FROM heard");
    let (count,): (i64,) = read.fetch_one(count, ()).await.expect("a count");
    count
}
