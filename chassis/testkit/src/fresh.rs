//! A place for the data of any modules, empty, on either engine, and gone with it: for what several modules or several
//! processes do together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use offshoot_contract::{Clock, SystemClock};
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, PgBudget, migrate};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::postgres;

/// Connections of one handle: enough for the concurrency of a test.
const CONNECTIONS: u32 = 8;

/// An empty place for data.
pub struct Fresh {
    url: DatabaseUrl,
    /// With the right to do anything; empty on SQLite.
    text: String,
    directory: TempDir,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Fresh {
    /// None where there is no Postgres.
    pub async fn on(engine: Engine) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let (url, text) = match engine {
            Engine::Sqlite => (DatabaseUrl::sqlite(directory.path()), String::new()),
            Engine::Postgres => {
                let server = postgres::server()?;
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let name = format!("fresh_{}_{number}", std::process::id());
                postgres::administer(server, format!("CREATE DATABASE {name} TEMPLATE template0")).await;
                let text = server.url(&name);
                (text.parse().expect("the server's URL with another database"), text)
            }
        };
        Some(Self { url, text, directory })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A module's data there, by the system's clock, as another process would open it: each handle has connections of its
    /// own.
    pub async fn open(&self, schema: &'static ModuleSchema) -> Db {
        self.open_at(schema, Arc::new(SystemClock)).await
    }

    /// The same by another clock.
    pub async fn open_at(&self, schema: &'static ModuleSchema, clock: Arc<dyn Clock>) -> Db {
        let options = DbOptions {
            clock,
            postgres: PgBudget {
                connections: CONNECTIONS,
                modules: 1,
            },
            ..DbOptions::default()
        };
        migrate(schema, &self.url, &options).await.expect("a new schema");
        Db::open(schema, &self.url, &options).await.expect("a migrated schema")
    }

    /// Runs SQL on a module's data past the chassis, with the right to do anything.
    pub async fn administer(&self, module: &str, sql: &str) {
        match self.url.engine() {
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.text).await.expect("the server answers");
                let sql = AssertSqlSafe(format!("SET search_path TO {module}; {sql}"));
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("SQL of a test");
            }
            Engine::Sqlite => {
                let file = self.directory.path().join(format!("{module}.db"));
                let url = format!("sqlite:{}", file.display());
                let mut connection = SqliteConnection::connect(&url).await.expect("the module's file");
                let sql = AssertSqlSafe(sql.to_owned());
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("SQL of a test");
                connection.close().await.expect("the module's file");
            }
        }
    }

    /// A connection of a stranger with the right to do anything, on Postgres.
    pub async fn stranger(&self) -> PgConnection {
        PgConnection::connect(&self.text).await.expect("the server answers")
    }
}

/// Runs each body on both engines, in an empty place of its own: `on_both_engines! { a_replica_takes_over, .. }`.
#[macro_export]
macro_rules! on_both_engines {
    ($($body:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                let place = $crate::Fresh::on(::offshoot_db::Engine::Sqlite).await;
                super::$body(place.expect("SQLite is always there")).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                if let Some(place) = $crate::Fresh::on(::offshoot_db::Engine::Postgres).await {
                    super::$body(place).await;
                }
            })*
        }
    };
}
