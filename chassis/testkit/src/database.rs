//! Databases of contract tests: each test gets a clone of a template that is migrated once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use offshoot_contract::Clock;
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, PgBudget, migrate};
use tempfile::TempDir;

use crate::postgres;

/// Connections per test database: enough for the concurrency of one body, few enough for many parallel tests.
const CONNECTIONS_PER_TEST: u32 = 6;

/// Location of a test database.
#[derive(Debug, Clone)]
pub(crate) enum DatabaseLocation {
    Sqlite(PathBuf),
    Postgres { url: String },
}

/// Template databases of one module.
pub(crate) struct Templates {
    schema: &'static ModuleSchema,
    sqlite: TempDir,
    postgres: Option<postgres::TestDatabase>,
    clone_times: std::sync::Mutex<BTreeMap<Engine, Vec<Duration>>>,
}

/// Database of one test, deleted on drop.
pub(crate) struct ClonedDatabase {
    pub(crate) location: DatabaseLocation,
    _data: TestData,
}

/// Deletes the data of a test on drop.
#[expect(dead_code, reason = "held for their drop")]
enum TestData {
    Sqlite(TempDir),
    Postgres(postgres::TestDatabase),
}

impl Templates {
    /// Creates and migrates one template per engine.
    pub(crate) async fn new(schema: &'static ModuleSchema, server: Option<&postgres::Server>) -> Self {
        let sqlite = tempfile::tempdir().expect("a temporary folder can be created");
        let options = DbOptions::default();
        let db = Db::open(schema, &DatabaseUrl::sqlite(sqlite.path()), &options)
            .await
            .expect("the SQLite template opens");
        db.close().await;
        let postgres = match server {
            Some(server) => Some(postgres_template(schema, server, &options).await),
            None => None,
        };
        Self {
            schema,
            sqlite,
            postgres,
            clone_times: std::sync::Mutex::default(),
        }
    }

    /// Clones and opens a database for one test.
    pub(crate) async fn database(&self, engine: Engine, clock: Arc<dyn Clock>) -> (Db, ClonedDatabase) {
        let start = Instant::now();
        let (location, data) = match engine {
            Engine::Sqlite => {
                let directory = tempfile::tempdir().expect("a temporary folder can be created");
                copy_template_files(self.sqlite.path(), directory.path());
                let location = DatabaseLocation::Sqlite(directory.path().to_owned());
                (location, TestData::Sqlite(directory))
            }
            Engine::Postgres => {
                let template = self.postgres.as_ref().expect("Postgres combinations have a template");
                let server = postgres::server().expect("the template has a server");
                let database = server.create_database(&template.name).await;
                let url = database.url().to_owned();
                (DatabaseLocation::Postgres { url }, TestData::Postgres(database))
            }
        };
        let url = match &location {
            DatabaseLocation::Sqlite(directory) => DatabaseUrl::sqlite(directory),
            DatabaseLocation::Postgres { url } => url.parse().expect("the URL of the clone is valid"),
        };
        let options = DbOptions {
            clock,
            postgres: PgBudget {
                connections: Some(CONNECTIONS_PER_TEST),
                modules: 1,
            },
            ..DbOptions::default()
        };
        let db = Db::open(self.schema, &url, &options).await.expect("the clone opens");
        self.clone_times
            .lock()
            .expect("no test panics while holding the lock")
            .entry(engine)
            .or_default()
            .push(start.elapsed());
        let database = ClonedDatabase { location, _data: data };
        (db, database)
    }

    /// Median time per engine to clone and open a database, with the number of clones.
    pub(crate) fn median_times(&self) -> Vec<(Engine, Duration, usize)> {
        let mut clone_times = self.clone_times.lock().expect("no test panics while holding the lock");
        let median = |(engine, times): (&Engine, &mut Vec<Duration>)| {
            times.sort_unstable();
            (*engine, times[times.len() / 2], times.len())
        };
        clone_times.iter_mut().map(median).collect()
    }
}

async fn postgres_template(
    schema: &'static ModuleSchema,
    server: &postgres::Server,
    options: &DbOptions,
) -> postgres::TestDatabase {
    let database = server.create_database("template1").await;
    let url = database.url().parse().expect("the URL of the template is valid");
    migrate(schema, &url, options)
        .await
        .expect("the Postgres template migrates");
    database
}

fn copy_template_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from)
        .expect("the template folder is readable")
        .filter_map(Result::ok)
    {
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("the template can be copied");
    }
}
