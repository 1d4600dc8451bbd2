//! Crash tests: buyers use a store of real processes while the processes are killed and the connections are cut.
//! Afterwards every invariant must hold.
//!
//! `OFFSHOOT_KILLS` sets the number of kills per engine. `OFFSHOOT_SEED` repeats the victims, moments and faults of the
//! printed seed.

use offshoot_tests::{Data, Engine};
use rand::random;

use crate::journeys::STORE_PERMITS;
use crate::journeys::interrupted_import::{SAMPLE_CSV, env_setting};

// Load and faults.
mod buyers;
mod event_crash_points;
mod harness;
mod restock;
mod tally;
// Invariants.
pub(crate) mod event_log;
mod invariants;
mod notices;
mod projections;
mod raw_rows;

use harness::{Harness, Placement};

on_both_engines! {
    a_repeatedly_killed_single_process_loses_and_duplicates_nothing,
    three_repeatedly_killed_processes_lose_and_duplicate_nothing,
}

/// Kills per engine, half of the kills in each placement. The long suite raises the number.
const KILLS: u32 = 52;

async fn a_repeatedly_killed_single_process_loses_and_duplicates_nothing(engine: Engine) {
    assert_survives_kills(Placement::OneProcess, engine).await;
}

async fn three_repeatedly_killed_processes_lose_and_duplicate_nothing(engine: Engine) {
    assert_survives_kills(Placement::ThreeProcesses, engine).await;
}

async fn assert_survives_kills(placement: Placement, engine: Engine) {
    let _permits = STORE_PERMITS
        .acquire_many(3)
        .await
        .expect("the semaphore is never closed");
    let seed: u64 = env_setting("OFFSHOOT_SEED").unwrap_or_else(|| u64::from(random::<u32>()));
    let kills: u32 = env_setting("OFFSHOOT_KILLS").unwrap_or(KILLS).div_ceil(2);
    println!("{engine}, {placement:?}: {kills} kills drawn with OFFSHOOT_SEED={seed}");
    let data = Data::new(engine).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    let mut harness = Harness::start(&data, placement, seed).await;
    while harness.killed() < kills {
        let round = harness.next_round();
        restock::receive(&data, harness.wait_until_ready().await, round).await;
        let mut buying = buyers::start(&data, harness.url(), seed, round);
        while harness.killed() < kills && buying.is_active() {
            harness.inject_fault().await;
        }
        // Buyers that finish before the last kill start another round; the last buyers finish undisturbed.
        buying.finish(seed).await;
    }
    let store = harness.stop_faults().await;
    println!("{engine}, {placement:?}: {}", store.tally);
    assert!(
        store.tally.has_enough_event_faults(),
        "too few event faults: {}",
        store.tally
    );
    invariants::assert_all_hold(&data, store.front()).await;
    let orders = event_log::orders_by_status(&data).await;
    println!("{engine}, {placement:?}, OFFSHOOT_SEED={seed}: every invariant holds; orders: {orders}");
    store.stop().await;
}
