//! Start time of the store up to the first 200 of `/health/ready`, and memory of the idle process.
//!
//! The baseline is the same binary printing the version: the minimum cost of loading and running the program.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::store::{Binary, Store};
use crate::store_process::StoreProcess;

#[path = "shared/memory.rs"]
mod memory;
#[path = "shared/postgres.rs"]
mod postgres;
#[path = "shared/rounds.rs"]
mod rounds;
#[path = "shared/store.rs"]
mod store;
#[path = "shared/store_process.rs"]
mod store_process;

const ROUNDS: usize = 10;
/// Delay after which a process has finished all work of the start.
const SETTLE_TIME: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let binary = Binary::build();
    println!("from exec to ready, ms (medians of {ROUNDS} rounds)");
    measure_start("SQLite", &binary, &Store::empty(None)).await;
    let Some(cluster) = Postgres::start() else { return };
    let store = Store::empty(Some(cluster.database("store")));
    binary.run_command(&store, &["db", "migrate"]);
    measure_start("Postgres", &binary, &store).await;
}

async fn measure_start(engine: &str, binary: &Binary, store: &Store) {
    // The first start migrates the data and imports the sample.
    StoreProcess::start(binary, store, "yes").wait_until_ready();
    let mut idle = Vec::new();
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let start = Instant::now();
        if contestant == 1 {
            binary.run_command(store, &["--version"]);
            return start.elapsed().as_secs_f64() * 1e3;
        }
        let process = StoreProcess::start(binary, store, "yes");
        process.wait_until_ready();
        let elapsed_ms = start.elapsed().as_secs_f64() * 1e3;
        sleep(SETTLE_TIME);
        idle.push(memory::child_megabytes(&process.child, "VmRSS").expect("the process runs"));
        elapsed_ms
    })
    .await;
    let values = |contestant: usize| figures[contestant].iter().copied();
    let (ours, baseline) = (Spread::from_values(values(0)), Spread::from_values(values(1)));
    report(
        &format!("{engine}, --version"),
        format!("{ours:.0}"),
        format!("{baseline:.0}"),
        Spread::from_ratios(values(0), values(1)),
    );
    println!(
        "{:34} | {:.1} MB",
        format!("{engine}, memory when idle"),
        Spread::from_values(idle)
    );
}
