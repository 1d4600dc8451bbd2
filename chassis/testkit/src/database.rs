//! A fresh migrated database per test, cloned from a template that is migrated once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offshoot_contract::Clock;
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, PgBudget, migrate};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::postgres;

/// Connections of one test's database: enough for the concurrency that a body asks for, few enough for many at once.
const CONNECTIONS_PER_TEST: u32 = 6;

/// Where a test's data is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres { url: String },
}

/// The templates of one module.
pub(crate) struct Templates {
    schema: &'static ModuleSchema,
    sqlite: TempDir,
    postgres: Option<String>,
    cloning: Mutex<()>,
    took: std::sync::Mutex<BTreeMap<Engine, Vec<Duration>>>,
}

/// Holds what a test's database lives in.
pub(crate) struct TestDatabase {
    pub(crate) place: Place,
    _directory: Option<TempDir>,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Templates {
    /// Migrates one template per engine.
    pub(crate) async fn new(schema: &'static ModuleSchema, server: Option<&postgres::Server>) -> Self {
        let sqlite = tempfile::tempdir().expect("a temporary folder");
        let options = DbOptions::default();
        let db = Db::open(schema, &DatabaseUrl::sqlite(sqlite.path()), &options)
            .await
            .expect("a template on SQLite");
        db.close().await;
        let postgres = match server {
            Some(server) => Some(postgres_template(schema, server, &options).await),
            None => None,
        };
        Self {
            schema,
            sqlite,
            postgres,
            cloning: Mutex::default(),
            took: std::sync::Mutex::default(),
        }
    }

    /// A clone for one test.
    pub(crate) async fn database(&self, engine: Engine, clock: Arc<dyn Clock>) -> (Db, TestDatabase) {
        let start = Instant::now();
        let (place, directory) = match engine {
            Engine::Sqlite => {
                let directory = tempfile::tempdir().expect("a temporary folder");
                copy_files(self.sqlite.path(), directory.path());
                (Place::Sqlite(directory.path().to_owned()), Some(directory))
            }
            Engine::Postgres => (self.clone_postgres().await, None),
        };
        let url = match &place {
            Place::Sqlite(directory) => DatabaseUrl::sqlite(directory),
            Place::Postgres { url } => url.parse().expect("the server's URL with another database"),
        };
        let options = DbOptions {
            clock,
            postgres: PgBudget {
                connections: CONNECTIONS_PER_TEST,
                modules: 1,
            },
            ..DbOptions::default()
        };
        let db = Db::open(self.schema, &url, &options)
            .await
            .expect("a clone of the template");
        self.took
            .lock()
            .expect("no test panics here")
            .entry(engine)
            .or_default()
            .push(start.elapsed());
        let database = TestDatabase {
            place,
            _directory: directory,
        };
        (db, database)
    }

    async fn clone_postgres(&self) -> Place {
        let template = self
            .postgres
            .as_deref()
            .expect("a body runs on Postgres only where there is one");
        let server = postgres::server().expect("the template came from it");
        let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // Postgres refuses to clone a template that is being cloned.
        let _alone = self.cloning.lock().await;
        postgres::administer(server, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Place::Postgres { url: server.url(&name) }
    }

    /// The median time per engine to a fresh, migrated, open database.
    pub(crate) fn medians(&self) -> Vec<(Engine, Duration, usize)> {
        let mut took = self.took.lock().expect("no test panics here");
        let median = |(engine, times): (&Engine, &mut Vec<Duration>)| {
            times.sort_unstable();
            (*engine, times[times.len() / 2], times.len())
        };
        took.iter_mut().map(median).collect()
    }
}

async fn postgres_template(schema: &'static ModuleSchema, server: &postgres::Server, options: &DbOptions) -> String {
    let name = format!("template_{}_{}", schema.module, std::process::id());
    postgres::administer(server, format!("CREATE DATABASE {name}")).await;
    let url = server
        .url(&name)
        .parse()
        .expect("the server's URL with another database");
    migrate(schema, &url, options).await.expect("a template on Postgres");
    name
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from)
        .expect("the template's folder")
        .filter_map(Result::ok)
    {
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("room for a copy of the template");
    }
}
