//! User journeys through the running store. Most journeys run in every placement of the modules and on both engines.

use offshoot_tests::{Data, Engine, Placement, Store};
use tokio::sync::Semaphore;

/// Expands each body into one test per placement and engine.
macro_rules! in_every_placement {
    ($($body:ident,)*) => { $(
        mod $body {
            use offshoot_tests::Placement::{Alternating, Canary, Encoded, ModulePerProcess, MovedOut, OneProcess, Shadow};

            in_every_placement!(@tests $body
                in_one_process OneProcess, encoded Encoded, alternating Alternating, module_per_process ModulePerProcess,
                catalog_moved_out MovedOut("catalog"), inventory_moved_out MovedOut("inventory"), carts_moved_out MovedOut("carts"),
                payments_moved_out MovedOut("payments"), orders_moved_out MovedOut("orders"), shadow Shadow, canary Canary,
            );
        }
    )* };
    (@tests $body:ident $($name:ident $placement:expr,)*) => { $(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn on_sqlite() {
                crate::journeys::run_journey($placement, offshoot_tests::Engine::Sqlite, super::super::$body).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                crate::journeys::run_journey($placement, offshoot_tests::Engine::Postgres, super::super::$body).await;
            }
        }
    )* };
}

/// Expands each body into one test per engine.
macro_rules! on_both_engines {
    ($($body:ident,)*) => { $(
        mod $body {
            #[tokio::test]
            async fn on_sqlite() {
                super::$body(offshoot_tests::Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if crate::journeys::is_available(offshoot_tests::Engine::Postgres) {
                    super::$body(offshoot_tests::Engine::Postgres).await;
                }
            }
        }
    )* };
}

// In every placement, on both engines.
mod hostile_clients;
mod idempotency;
mod invalid_requests;
mod orders;
mod shopping;
mod start_page_and_health;
mod subscriptions;
// In two processes.
mod moved_out;
mod placement;
mod polyglot;
mod strangler;
mod wrong_servers;
// Concurrent buyers.
mod contention;
// Killed, hung and sick processes, full disks, lost database answers.
pub(crate) mod crash_points;
mod postgres_servers;
mod process_faults;
pub(crate) mod replay;
mod sick_servers;
mod stalled_subscribers;
mod storage_faults;
// Commands, startup, operations.
#[path = "../../chassis/testkit/authority.rs"]
mod authority;
mod backups;
mod certificates;
mod check_command;
mod commands;
mod distributed_tracing;
mod events;
mod half_restored;
pub(crate) mod interrupted_import;
mod isolation;
mod metrics;
mod postgres_at_start;
mod provisioning;
mod rotation;
mod sagas;
mod startup_errors;
mod strangler_demo;
mod surfaces;
mod write_failures;

/// Limits the stores that run at the same time, whatever the number of cores. The tests' Postgres server allows 300
/// connections; a store in two processes may hold 48, a store in six processes three times that, and a store in nine
/// processes more.
pub(crate) static STORE_PERMITS: Semaphore = Semaphore::const_new(6);

/// Runs a journey on a new store. Every process of the store must exit with 0 afterwards.
async fn run_journey(placement: Placement, engine: Engine, body: impl AsyncFnOnce(Store) -> Store) {
    if is_available(engine) {
        let permits = match placement {
            Placement::ModulePerProcess => 5,
            Placement::MovedOut("orders") => 3,
            Placement::Alternating | Placement::Shadow | Placement::Canary => 2,
            _ => 1,
        };
        let _permits = STORE_PERMITS
            .acquire_many(permits)
            .await
            .expect("the semaphore is never closed");
        let store = Store::start(placement, Data::new(engine).await).await;
        body(store).await.stop().await;
    }
}

/// Whether an engine is available here. The test kit reports a missing Postgres, and fails where Postgres is required.
pub(crate) fn is_available(engine: Engine) -> bool {
    engine == Engine::Sqlite || offshoot_testkit::postgres::server().is_some()
}
