//! A fresh database per test on either engine, and processes that work on it.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, ManualClock, Timestamp};
use offshoot_db::{Engine, Migration, ModuleSchema};
use offshoot_saga::{Definition, SagaSettings};
use offshoot_testkit::Fresh;

use crate::trips::{ALL, Trips};
use crate::world::World;

/// How long an execution that says nothing is left alone.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// Vain attempts after which a saga is stuck.
pub(crate) const ATTEMPTS: u32 = 3;

static SCHEMA: ModuleSchema = ModuleSchema {
    module: "trips",
    migrations: &[Migration {
        version: 1,
        name: "0001_trips",
        sqlite: "-- offshoot: expand\nCREATE TABLE trips (id TEXT PRIMARY KEY, status TEXT NOT NULL, notes INTEGER NOT NULL) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE trips (id text COLLATE \"C\" PRIMARY KEY, status text NOT NULL, notes bigint NOT NULL);",
    }],
    tables: "[tables.trips]\nkind = 'owned'\n",
};

/// A database, a clock, and the world around it.
pub(crate) struct Store {
    place: Fresh,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) world: Arc<World>,
}

impl Store {
    /// None where there is no Postgres.
    pub(crate) async fn new(engine: Engine) -> Option<Self> {
        // 2026-01-01T00:00:00Z
        let start = Timestamp::from_micros(1_767_225_600_000_000).unwrap();
        Some(Self {
            place: Fresh::on(engine).await?,
            clock: Arc::new(ManualClock::new(start)),
            world: Arc::default(),
        })
    }

    /// A process that knows every definition.
    pub(crate) async fn process(&self) -> Trips {
        self.process_that_knows(ALL()).await
    }

    pub(crate) async fn process_that_knows(&self, definitions: Vec<Definition<Trips>>) -> Trips {
        let settings = SagaSettings {
            lease: LEASE,
            attempts: ATTEMPTS,
            ..SagaSettings::default()
        };
        let db = self.place.open_at(&SCHEMA, self.clock.clone()).await;
        let world = Arc::clone(&self.world);
        Trips::new(db, self.clock.clone(), settings, definitions, world)
    }
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("test")
}

/// Runs each body on both engines, on a store of its own.
#[macro_export]
macro_rules! on_both_engines {
    ($($body:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                super::$body($crate::store::Store::new(offshoot_db::Engine::Sqlite).await.unwrap()).await;
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
