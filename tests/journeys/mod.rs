//! What users do with the store, the same wherever its modules run and whatever keeps their data.

use offshoot_tests::{Data, Engine, Placement, Store};
use tokio::sync::Semaphore;

/// Makes of each body one test per way to place the modules, and engine.
macro_rules! everywhere {
    ($($body:ident,)*) => { $(
        mod $body {
            use offshoot_tests::Placement::{Alternating, Apart, Encoded, MovedOut, OneProcess};

            everywhere!(@tests $body
                in_one_process OneProcess, encoded Encoded, alternating Alternating, all_apart Apart,
                catalog_apart MovedOut("catalog"), inventory_apart MovedOut("inventory"), carts_apart MovedOut("carts"),
                payments_apart MovedOut("payments"), orders_apart MovedOut("orders"),
            );
        }
    )* };
    (@tests $body:ident $($name:ident $placement:expr,)*) => { $(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn on_sqlite() {
                crate::journeys::run($placement, offshoot_tests::Engine::Sqlite, super::super::$body).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                crate::journeys::run($placement, offshoot_tests::Engine::Postgres, super::super::$body).await;
            }
        }
    )* };
}

/// Makes of each body one test per engine.
macro_rules! on_both_engines {
    ($($body:ident,)*) => { $(
        mod $body {
            #[tokio::test]
            async fn on_sqlite() {
                super::$body(offshoot_tests::Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if crate::journeys::is_there(offshoot_tests::Engine::Postgres) {
                    super::$body(offshoot_tests::Engine::Postgres).await;
                }
            }
        }
    )* };
}

// In every placement, on both engines.
mod buying;
mod hearing;
mod refusals;
mod repeats;
mod shopping;
mod surroundings;
// In two processes.
mod moved_out;
mod placing;
mod strangers;
// Many at once.
mod rush;
// Killed, and started again; its disk full, its database lost.
mod faults;
pub(crate) mod killed;
mod outages;
pub(crate) mod replaying;
mod unheard;
// Before the store runs, and beside it.
mod backups;
mod checking;
mod commands;
mod events;
pub(crate) mod interrupted_import;
mod isolation;
mod provisioning;
mod sagas;
mod starting;
mod surfaces;
mod traced;

/// Stores at once, whatever the number of cores: the tests' Postgres server allows 300 connections, and a store in two
/// processes may have 48, one in six three times that, and one in nine more.
pub(crate) static SEATS: Semaphore = Semaphore::const_new(6);

/// Runs a body on a new store, which must stop well afterwards.
async fn run(placement: Placement, engine: Engine, body: impl AsyncFnOnce(Store) -> Store) {
    if is_there(engine) {
        let seats = match placement {
            Placement::Apart => 5,
            Placement::MovedOut("orders") => 3,
            Placement::Alternating => 2,
            _ => 1,
        };
        let _seats = SEATS.acquire_many(seats).await.expect("nobody closes it");
        let store = Store::start(placement, Data::new(engine).await).await;
        body(store).await.stop().await;
    }
}

/// Whether an engine can be used here. The test kit says loudly if Postgres is left out, and fails where it must not.
pub(crate) fn is_there(engine: Engine) -> bool {
    engine == Engine::Sqlite || offshoot_testkit::postgres::server().is_some()
}
