//! A store of real processes that is bought from while they are killed and their connections are cut, and what must be
//! true of it afterwards.
//!
//! `OFFSHOOT_KILLS` says how often per engine; the seed that is printed, given as `OFFSHOOT_SEED`, draws the same victims,
//! moments and faults again.

use offshoot_tests::{Data, Engine};
use rand::random;

use crate::journeys::SEATS;
use crate::journeys::interrupted_import::{SAMPLE, setting};

// What is done to it.
mod buyers;
mod harness;
mod points;
mod restock;
mod tally;
// What must be true then.
mod checks;
mod copies;
mod notices;
mod rows;
pub(crate) mod told;

use harness::{Harness, Placement};

on_both_engines! {
    one_process_that_is_killed_again_and_again_loses_and_doubles_nothing,
    three_processes_that_are_killed_again_and_again_lose_and_double_nothing,
}

/// Kills of one engine, half of them in each placement. The long run has many more.
const KILLS: u32 = 52;

async fn one_process_that_is_killed_again_and_again_loses_and_doubles_nothing(engine: Engine) {
    survives(Placement::OneProcess, engine).await;
}

async fn three_processes_that_are_killed_again_and_again_lose_and_double_nothing(engine: Engine) {
    survives(Placement::ThreeWays, engine).await;
}

async fn survives(placement: Placement, engine: Engine) {
    let _seats = SEATS.acquire_many(3).await.expect("nobody closes it");
    let seed: u64 = setting("OFFSHOOT_SEED").unwrap_or_else(|| u64::from(random::<u32>()));
    let kills: u32 = setting("OFFSHOOT_KILLS").unwrap_or(KILLS).div_ceil(2);
    println!("{engine}, {placement:?}: {kills} kills drawn with OFFSHOOT_SEED={seed}");
    let data = Data::new(engine).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    let mut harness = Harness::start(&data, placement, seed).await;
    while harness.killed() < kills {
        let round = harness.next_round();
        restock::receive(&data, harness.ready().await, round).await;
        let mut buying = buyers::start(&data, harness.url(), seed, round);
        while harness.killed() < kills && buying.are_at_it() {
            harness.disturb().await;
        }
        // Whoever ends before the kills do has bought its baskets; the last ones end undisturbed.
        buying.end(seed).await;
    }
    let store = harness.calm().await;
    println!("{engine}, {placement:?}: {}", store.tally);
    assert!(
        store.tally.is_enough(),
        "too few events were disturbed: {}",
        store.tally
    );
    checks::everything_holds(&data, store.front()).await;
    let orders = told::orders_by_status(&data).await;
    println!("{engine}, {placement:?}, OFFSHOOT_SEED={seed}: everything holds of orders that are {orders}");
    store.stop().await;
}
