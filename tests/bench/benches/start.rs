//! How long the store takes from its start to its first 200 of `/health/ready`, and how much memory it has when idle.
//!
//! There is nothing to compare it with, so the baseline is the same program printing its version: what it takes to be
//! loaded and run at all.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::serving::Serving;
use crate::store::{Binary, Store};

#[path = "shared/memory.rs"]
mod memory;
#[path = "shared/postgres.rs"]
mod postgres;
#[path = "shared/rounds.rs"]
mod rounds;
#[path = "shared/serving.rs"]
mod serving;
#[path = "shared/store.rs"]
mod store;

const ROUNDS: usize = 10;
/// After this long a process has done what it does after its start.
const IDLE: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let binary = Binary::build();
    println!("from exec to ready, ms (medians of {ROUNDS} rounds)");
    measure("SQLite", &binary, &Store::empty(None)).await;
    let Some(cluster) = Postgres::start() else { return };
    let store = Store::empty(Some(cluster.database("store")));
    binary.run(&store, &["db", "migrate"]);
    measure("Postgres", &binary, &store).await;
}

async fn measure(engine: &str, binary: &Binary, store: &Store) {
    // The first start migrates and loads the sample.
    Serving::start(binary, store, "yes").wait_until_ready();
    let mut idle = Vec::new();
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let start = Instant::now();
        if contestant == 1 {
            binary.run(store, &["--version"]);
            return start.elapsed().as_secs_f64() * 1e3;
        }
        let serving = Serving::start(binary, store, "yes");
        serving.wait_until_ready();
        let took = start.elapsed().as_secs_f64() * 1e3;
        sleep(IDLE);
        idle.push(memory::megabytes(&serving.child, "VmRSS").expect("it still runs"));
        took
    })
    .await;
    let each = |contestant: usize| figures[contestant].iter().copied();
    let (ours, baseline) = (Spread::of(each(0)), Spread::of(each(1)));
    report(
        &format!("{engine}, --version"),
        format!("{ours:.0}"),
        format!("{baseline:.0}"),
        Spread::of_ratios(each(0), each(1)),
    );
    println!(
        "{:34} | {:.1} MB",
        format!("{engine}, memory when idle"),
        Spread::of(idle)
    );
}
