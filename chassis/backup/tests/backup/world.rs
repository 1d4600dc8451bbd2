//! A module `depot` that announces what is counted, a module `ledger` that writes down what it hears of, and their backups.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_backup::{
    BackupError, CreateOptions, Examined, Manifest, ModuleData, RestoreOptions, RestoreReport, Verified, create,
    examine, restore, verify,
};
use offshoot_contract::{CallContext, EventSet, SystemClock};
use offshoot_db::{Db, Migration, ModuleSchema, Tx, sql};
use offshoot_jobs::{Pace, Replica};
use offshoot_outbox::{Delivered, LocalSource, Publish as _, Rejection, Subscriber, Subscription, Tail};
use offshoot_testkit::Fresh;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Pace = Pace {
    beat: Duration::from_millis(100),
    silence: Duration::from_millis(1_000),
};

static DEPOT: ModuleSchema = ModuleSchema {
    module: "depot",
    migrations: &[],
    tables: "",
};

static LEDGER: ModuleSchema = ModuleSchema {
    module: "ledger",
    migrations: &[Migration {
        version: 1,
        name: "0001_heard",
        sqlite: "-- offshoot: expand\nCREATE TABLE heard (number INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT; \
                 CREATE TABLE a_remark (heard INTEGER NOT NULL REFERENCES heard (number), text TEXT NOT NULL) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE heard (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                   count bigint NOT NULL, twice bigint GENERATED ALWAYS AS (count * 2) STORED); \
                   CREATE TABLE a_remark (heard bigint NOT NULL REFERENCES heard (number), text text NOT NULL);",
    }],
    tables: "",
};

/// So many are there now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counted {
    shelf: String,
    count: i64,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "depot")]
enum DepotEvent {
    /// A shelf was counted.
    #[event(name = "counted", version = 1, key = shelf)]
    Counted(Counted),
}

struct Listener;

#[async_trait]
impl Subscriber for Listener {
    type Event = DepotEvent;

    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<DepotEvent>) -> Result<(), Rejection> {
        let DepotEvent::Counted(what) = &event.event;
        let (number,): (i64,) = tx
            .fetch_one(
                sql!("INSERT INTO heard (count) VALUES ($1) RETURNING number"),
                (what.count,),
            )
            .await?;
        let remark = sql!("INSERT INTO a_remark (heard, text) VALUES ($1, $2)");
        // A text copied as lines must not be cut at its own.
        tx.execute(remark, (number, "one\\n\ttwo\nthree")).await?;
        Ok(())
    }
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("test").with_timeout(PATIENCE)
}

/// Both modules in one place, and where their backups are. Nothing is open between two steps.
pub(crate) struct World {
    pub(crate) place: Fresh,
    backups: TempDir,
}

impl World {
    /// Both are there, and the ledger has heard of these counts.
    pub(crate) async fn that_heard(place: Fresh, counts: &[i64]) -> Self {
        let world = Self {
            place,
            backups: tempfile::tempdir().unwrap(),
        };
        world.place.open(&DEPOT).await.close().await;
        world.announce(counts).await;
        assert_eq!(world.hears(counts.len()).await, counts);
        world
    }

    /// Those that call come before those that they call.
    pub(crate) fn places(&self) -> [ModuleData; 2] {
        [&LEDGER, &DEPOT].map(|schema| ModuleData {
            schema,
            url: self.place.url().clone(),
        })
    }

    pub(crate) fn backup(&self, name: &str) -> PathBuf {
        self.backups.path().join(name)
    }

    pub(crate) async fn depot(&self) -> Db {
        self.place.open(&DEPOT).await
    }

    pub(crate) async fn ledger(&self) -> Db {
        self.place.open(&LEDGER).await
    }

    pub(crate) async fn announce(&self, counts: &[i64]) {
        let db = self.depot().await;
        for count in counts {
            let mut cx = cx();
            let mut tx = db.begin(&mut cx).await.unwrap();
            let (shelf, count) = ("a".to_owned(), *count);
            tx.publish(&DepotEvent::Counted(Counted { shelf, count }))
                .await
                .unwrap();
            tx.commit_part().await.unwrap();
        }
        db.close().await;
    }

    /// What was written down.
    pub(crate) async fn heard(&self) -> Vec<i64> {
        let db = self.ledger().await;
        let heard = heard(&db).await;
        db.close().await;
        heard
    }

    /// Has a process handle events until so many are written down, and kills it. Fails if more come.
    pub(crate) async fn hears(&self, count: usize) -> Vec<i64> {
        self.work(async |ledger| {
            let status = offshoot_outbox::status(ledger, &mut cx()).await.unwrap();
            heard(ledger).await.len() >= count && status.iter().all(|partition| partition.current_at.is_some())
        })
        .await;
        let heard = self.heard().await;
        assert_eq!(heard.len(), count, "{heard:?}");
        heard
    }

    /// Why the subscription holds, once a process has tried.
    pub(crate) async fn holds(&self) -> String {
        self.work(async |ledger| held(ledger).await.is_some()).await;
        let db = self.ledger().await;
        let held = held(&db).await.unwrap();
        db.close().await;
        held
    }

    /// Runs a process until something holds, and kills it.
    async fn work(&self, until: impl AsyncFn(&Db) -> bool) {
        let (depot, ledger) = (self.depot().await, self.ledger().await);
        let replica = Replica::new(ledger.clone(), PACE);
        let tail = Tail::new(LocalSource::new(depot.clone()));
        let running = Arc::clone(&replica);
        let subscription = Subscription::new("listener", Arc::new(Listener));
        let tasks = [
            tokio::spawn(async move { running.run().await }),
            tokio::spawn(Arc::clone(&tail).run()),
            tokio::spawn(offshoot_outbox::run(subscription, tail, replica)),
        ];
        let give_up = Instant::now() + PATIENCE;
        while !until(&ledger).await {
            assert!(Instant::now() < give_up, "it does not come about");
            sleep(Duration::from_millis(10)).await;
        }
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        depot.close().await;
        ledger.close().await;
    }

    pub(crate) async fn create(&self, name: &str) -> Result<Manifest, BackupError> {
        let (options, directory) = (CreateOptions::default(), self.backup(name));
        create(&self.places(), &directory, &options, &SystemClock, &mut |_| {}).await
    }

    pub(crate) async fn verify(&self, name: &str) -> Result<Vec<Verified>, BackupError> {
        verify(&self.backup(name), &mut |_| {}).await.map(|(_, found)| found)
    }

    /// Restores these modules, all if none is named, in place of what is there.
    pub(crate) async fn replace(&self, name: &str, modules: &[&str]) -> RestoreReport {
        let modules = modules.iter().map(|module| (*module).to_owned()).collect();
        let options = RestoreOptions {
            modules,
            replace: true,
            ..RestoreOptions::default()
        };
        self.restore(name, &options).await.unwrap()
    }

    pub(crate) async fn restore(&self, name: &str, options: &RestoreOptions) -> Result<RestoreReport, BackupError> {
        restore(&self.places(), &self.backup(name), options, &SystemClock, &mut |_| {}).await
    }

    pub(crate) async fn examine(&self) -> Examined {
        examine(&self.places(), &Default::default(), &SystemClock, &mut |_| {}).await
    }

    /// Changes the manifest of a backup, as somebody would who also knows how its sum is noted.
    pub(crate) fn tamper(&self, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
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
        let noted = fs::read_to_string(&sums).unwrap();
        let others = noted.lines().filter(|line| !line.ends_with("manifest.json"));
        let lines: Vec<_> = others
            .map(str::to_owned)
            .chain([format!("{sum}  manifest.json")])
            .collect();
        fs::write(sums, lines.join("\n")).unwrap();
    }
}

async fn heard(db: &Db) -> Vec<i64> {
    let mut cx = cx();
    let mut read = db.read(&mut cx).await.unwrap();
    let rows: Vec<(i64,)> = read
        .fetch_all(sql!("SELECT count FROM heard ORDER BY number"), ())
        .await
        .unwrap();
    rows.into_iter().map(|(count,)| count).collect()
}

async fn held(db: &Db) -> Option<String> {
    let status = offshoot_outbox::status(db, &mut cx()).await.unwrap();
    status.into_iter().find_map(|partition| partition.held)
}
