//! Scratch database for tests with several modules or several processes: empty, on either engine, for any modules,
//! deleted on drop.

use std::sync::Arc;

use offshoot_contract::{Clock, SystemClock};
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, PgBudget, migrate};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::postgres;

/// Connections per handle: enough for the concurrency of one test.
const CONNECTIONS: u32 = 8;

/// An empty database that any modules can share.
pub struct ScratchDatabase {
    url: DatabaseUrl,
    /// `None` on SQLite.
    postgres: Option<postgres::TestDatabase>,
    directory: TempDir,
}

impl ScratchDatabase {
    /// Creates an empty database; `None` if Postgres is not available.
    pub async fn create(engine: Engine) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary folder can be created");
        let (url, postgres) = match engine {
            Engine::Sqlite => (DatabaseUrl::sqlite(directory.path()), None),
            Engine::Postgres => {
                let server = postgres::server()?;
                let database = server.create_database("template0").await;
                let url = database
                    .url()
                    .parse()
                    .expect("the URL of the scratch database is valid");
                (url, Some(database))
            }
        };
        Some(Self {
            url,
            postgres,
            directory,
        })
    }

    /// URL of the database.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Migrates and opens a module's data with the system clock. Each handle has its own connections, like a separate
    /// process.
    pub async fn open(&self, schema: &'static ModuleSchema) -> Db {
        self.open_with_clock(schema, Arc::new(SystemClock)).await
    }

    /// Migrates and opens a module's data with `clock`.
    pub async fn open_with_clock(&self, schema: &'static ModuleSchema, clock: Arc<dyn Clock>) -> Db {
        let options = DbOptions {
            clock,
            postgres: PgBudget {
                connections: Some(CONNECTIONS),
                modules: 1,
            },
            ..DbOptions::default()
        };
        migrate(schema, &self.url, &options).await.expect("the schema migrates");
        Db::open(schema, &self.url, &options)
            .await
            .expect("the migrated schema opens")
    }

    /// Executes SQL on a module's data as superuser, past the checks of the chassis.
    pub async fn administer(&self, module: &str, sql: &str) {
        match self.url.engine() {
            Engine::Postgres => {
                let mut connection = self.connect_as_superuser().await;
                let sql = AssertSqlSafe(format!("SET search_path TO {module}; {sql}"));
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("the test's SQL is valid");
            }
            Engine::Sqlite => {
                let file = self.directory.path().join(format!("{module}.db"));
                let url = format!("sqlite:{}", file.display());
                let mut connection = SqliteConnection::connect(&url).await.expect("the module's file opens");
                let sql = AssertSqlSafe(sql.to_owned());
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("the test's SQL is valid");
                connection.close().await.expect("the module's file closes");
            }
        }
    }

    /// Connects as superuser. Postgres only.
    pub async fn connect_as_superuser(&self) -> PgConnection {
        let database = self.postgres.as_ref().expect("only Postgres has a superuser");
        PgConnection::connect(database.url()).await.expect("the server answers")
    }
}

/// Runs each test body on both engines, with its own scratch database: `on_both_engines! { a_replica_takes_over, .. }`.
#[macro_export]
macro_rules! on_both_engines {
    ($($body:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                let database = $crate::ScratchDatabase::create(::offshoot_db::Engine::Sqlite).await;
                super::$body(database.expect("SQLite is always available")).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                if let Some(database) = $crate::ScratchDatabase::create(::offshoot_db::Engine::Postgres).await {
                    super::$body(database).await;
                }
            })*
        }
    };
}
