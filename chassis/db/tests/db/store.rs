//! Test harness: a fresh store with a test schema on either engine, and a call context.

use std::path::Path;
use std::sync::Arc;

use offshoot_contract::{CallContext, Entity, Id, ManualClock, SystemClock, Timestamp};
use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, Migration, ModuleSchema, migrate, sql};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::postgres;

/// First migration of the test schema: tables with every native type and every kind of constraint.
pub const THINGS: Migration = Migration {
    version: 1,
    name: "0001_things",
    sqlite: include_str!("schema/sqlite/0001_things.sql"),
    postgres: include_str!("schema/postgres/0001_things.sql"),
};

/// Schema of the test module `depot`.
pub static TEST_SCHEMA: ModuleSchema = ModuleSchema {
    module: "depot",
    migrations: &[THINGS],
    tables: "[tables.things]\nkind = 'owned'\n[tables.parts]\nkind = 'derived'\nrebuilt = 'from the things'\n[tables.labels]\nkind = 'owned'\n",
};

/// 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600_000_000;

pub struct Thing;
impl Entity for Thing {
    const PREFIX: &'static str = "thing";
}

/// An empty database: a temporary directory for SQLite, or a new database on the tests' Postgres server.
pub struct TestDatabase {
    pub url: DatabaseUrl,
    /// Postgres URL of the superuser; empty on SQLite.
    pub superuser_url: String,
    directory: TempDir,
    /// Drops the database with this value.
    _postgres: Option<postgres::TestDatabase>,
}

impl TestDatabase {
    /// None if no Postgres server is available.
    pub async fn new(engine: Engine) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (url, superuser_url, postgres) = match engine {
            Engine::Sqlite => (DatabaseUrl::sqlite(directory.path()), String::new(), None),
            Engine::Postgres => {
                let database = postgres::server()?.create_database("template1").await;
                let superuser_url = database.url().to_owned();
                (
                    superuser_url.parse().expect("the server's URL"),
                    superuser_url,
                    Some(database),
                )
            }
        };
        Some(Self {
            url,
            superuser_url,
            directory,
            _postgres: postgres,
        })
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// URL of the database for another user. Postgres only.
    pub fn url_of(&self, user: &str, password: &str) -> DatabaseUrl {
        match &self.url {
            DatabaseUrl::Postgres(login) => DatabaseUrl::Postgres(Box::new(login.as_user(user, password))),
            DatabaseUrl::Sqlite(_) => panic!("SQLite has no users"),
        }
    }

    /// Executes SQL as the superuser, without the database crate.
    pub async fn administer(&self, sql: &str) {
        let text = AssertSqlSafe(sql.to_owned());
        match self.url.engine() {
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.superuser_url)
                    .await
                    .expect("a connection to the server");
                let sql = format!("SET search_path TO depot; {sql}");
                sqlx::raw_sql(AssertSqlSafe(sql))
                    .execute(&mut connection)
                    .await
                    .expect("valid SQL");
            }
            Engine::Sqlite => {
                let path = self.directory().join("depot.db");
                let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display()))
                    .await
                    .expect("the module's database file");
                sqlx::raw_sql(text).execute(&mut connection).await.expect("valid SQL");
                connection.close().await.expect("the module's database file");
            }
        }
    }
}

/// An open database with [`TEST_SCHEMA`].
pub struct Store {
    pub db: Db,
    pub database: TestDatabase,
    pub clock: Arc<ManualClock>,
}

impl Store {
    pub async fn new(engine: Engine) -> Option<Self> {
        Self::with(engine, DbOptions::default()).await
    }

    pub async fn with(engine: Engine, options: DbOptions) -> Option<Self> {
        let database = TestDatabase::new(engine).await?;
        migrate(&TEST_SCHEMA, &database.url, &options)
            .await
            .expect("a new schema");
        let clock = Arc::new(ManualClock::new(now()));
        let options = DbOptions {
            clock: clock.clone(),
            ..options
        };
        let db = Db::open(&TEST_SCHEMA, &database.url, &options)
            .await
            .expect("a migrated schema");
        Some(Self { db, database, clock })
    }

    /// Opens the same store again, as another process would.
    pub async fn reopen(&self) -> Db {
        let options = DbOptions {
            clock: self.clock.clone(),
            ..DbOptions::default()
        };
        Db::open(&TEST_SCHEMA, &self.database.url, &options)
            .await
            .expect("a migrated schema")
    }

    pub async fn names(&self) -> Vec<String> {
        let mut cx = cx();
        let mut read = self.db.read(&mut cx).await.expect("a connection");
        let rows: Vec<(String,)> = read
            .fetch_all(sql!("SELECT name FROM things ORDER BY name, quantity"), ())
            .await
            .expect("names");
        rows.into_iter().map(|(name,)| name).collect()
    }
}

pub fn cx() -> CallContext {
    CallContext::root("test")
}

pub fn now() -> Timestamp {
    Timestamp::from_micros(START).expect("a time of this century")
}

pub fn new_id() -> Id<Thing> {
    Id::new(offshoot_contract::Clock::now(&SystemClock))
}

/// Inserts a thing with this name.
pub async fn add(tx: &mut offshoot_db::Tx<'_>, name: &str) -> Result<u64, offshoot_contract::CallFailure> {
    let insert = sql!("INSERT INTO things (id, name, quantity, made_at, good) VALUES ($1, $2, $3, $4, $5)");
    tx.execute(insert, (new_id(), name, 1_i64, now(), true)).await
}

/// Runs each test body on both engines, each with a new store.
#[macro_export]
macro_rules! on_both_engines {
    ($($body:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                let store = $crate::store::Store::new(offshoot_db::Engine::Sqlite).await;
                super::$body(store.expect("SQLite is always there")).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                if let Some(store) = $crate::store::Store::new(offshoot_db::Engine::Postgres).await {
                    super::$body(store).await;
                }
            })*
        }
    };
}
