//! Test fixture: a fresh database on either engine, a manual clock, participants, and processes of the module.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, ManualClock, Timestamp};
use offshoot_db::{Engine, Migration, ModuleSchema};
use offshoot_saga::{Definition, SagaSettings};
use offshoot_testkit::ScratchDatabase;

use crate::participants::Participants;
use crate::trips::{Trips, definitions};

/// Lease of an execution.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// Failed attempts after which a saga is stuck.
pub(crate) const ATTEMPTS: u32 = 3;

static SCHEMA: ModuleSchema = ModuleSchema {
    module: "trips",
    migrations: &[Migration {
        version: 1,
        name: "0001_trips",
        sqlite: "-- offshoot: expand\nCREATE TABLE trips (id TEXT PRIMARY KEY, status TEXT NOT NULL, writes INTEGER NOT NULL) STRICT;",
        postgres: "-- offshoot: expand\nCREATE TABLE trips (id text COLLATE \"C\" PRIMARY KEY, status text NOT NULL, writes bigint NOT NULL);",
    }],
    tables: "[tables.trips]\nkind = 'owned'\n",
};

/// Database, clock and participants of one test.
pub(crate) struct Fixture {
    database: ScratchDatabase,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) participants: Arc<Participants>,
}

impl Fixture {
    /// A new fixture. None if the engine is Postgres and no server is available.
    pub(crate) async fn new(engine: Engine) -> Option<Self> {
        // 2026-01-01T00:00:00Z
        let start = Timestamp::from_micros(1_767_225_600_000_000).unwrap();
        Some(Self {
            database: ScratchDatabase::create(engine).await?,
            clock: Arc::new(ManualClock::new(start)),
            participants: Arc::default(),
        })
    }

    /// A process of the module that knows every definition.
    pub(crate) async fn process(&self) -> Trips {
        self.process_with_definitions(definitions()).await
    }

    pub(crate) async fn process_with_definitions(&self, definitions: Vec<Definition<Trips>>) -> Trips {
        let settings = SagaSettings {
            lease: LEASE,
            attempts: ATTEMPTS,
            ..SagaSettings::default()
        };
        let db = self.database.open_with_clock(&SCHEMA, self.clock.clone()).await;
        let participants = Arc::clone(&self.participants);
        Trips::new(db, self.clock.clone(), settings, definitions, participants)
    }
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("test")
}

/// Runs each test body on both engines, with a fixture of its own.
#[macro_export]
macro_rules! on_both_engines {
    ($($body:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                super::$body($crate::fixture::Fixture::new(offshoot_db::Engine::Sqlite).await.unwrap()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                if let Some(fixture) = $crate::fixture::Fixture::new(offshoot_db::Engine::Postgres).await {
                    super::$body(fixture).await;
                }
            })*
        }
    };
}
