//! Cost of splitting the store: the same checkouts with every module in one process, and with one process per module on
//! the same machine. Compares rate, latency and CPU time of all servers.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate};
use crate::shop::{Cart, Shop};
use crate::store::{Binary, Store};
use crate::store_process::StoreProcess;

#[path = "../shared/connection.rs"]
mod connection;
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/rounds.rs"]
mod rounds;
#[path = "../shared/shop.rs"]
mod shop;
#[path = "../shared/store.rs"]
mod store;
#[path = "../shared/store_process.rs"]
mod store_process;

const ROUNDS: usize = 7;
/// Checkouts per contestant and round, divided among the buyers.
const CHECKOUTS: usize = 320;
const BUYERS: [usize; 2] = [1, 16];
/// Linux counts CPU time in these fractions of a second.
const TICKS_PER_SECOND: f64 = 100.0;

#[tokio::main]
async fn main() {
    let binary = Binary::build();
    println!(
        "checkout of three lines: all modules in one process against one process per module (medians of {ROUNDS} rounds)"
    );
    let (one, apart) = (Store::empty(None), Store::empty(None));
    compare("SQLite", &binary, &one, &apart).await;
    let Some(cluster) = Postgres::start() else { return };
    let (one, apart) = (cluster.database("one"), cluster.database("apart"));
    let (one, apart) = (Store::empty(Some(one)), Store::empty(Some(apart)));
    for store in [&one, &apart] {
        binary.run_command(store, &["db", "migrate"]);
    }
    compare("Postgres", &binary, &one, &apart).await;
}

/// A running store, in one process or several.
struct RunningStore {
    /// The process with the public side comes last.
    processes: Vec<StoreProcess>,
    shop: Arc<Shop>,
}

impl RunningStore {
    async fn in_one_process(binary: &Binary, store: &Store) -> Self {
        Self::wait_and_stock(vec![StoreProcess::start(binary, store, "yes")], store).await
    }

    async fn in_separate_processes(binary: &Binary, store: &Store) -> Self {
        let (mut processes, mut remote) = (Vec::new(), Vec::<String>::new());
        let modules = declared_modules(binary, store);
        let each = modules.iter().map(|module| ["--only", module.as_str()]);
        for module in each.chain([["--sample", "yes"]]) {
            let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
            arguments.extend(module);
            arguments.extend(remote.iter().flat_map(|remote| ["--remote", remote.as_str()]));
            let process = StoreProcess::spawn(&mut binary.command(store, &arguments));
            remote.push(format!("{}=http://{}", module[1], process.address));
            processes.push(process);
        }
        Self::wait_and_stock(processes, store).await
    }

    async fn wait_and_stock(processes: Vec<StoreProcess>, store: &Store) -> Self {
        let front = processes.last().expect("the store has a process");
        front.wait_until_ready();
        let shop = Arc::new(Shop::open(&front.address, store).await);
        Self { processes, shop }
    }

    /// CPU seconds that all processes have used.
    fn cpu_seconds(&self) -> f64 {
        let process_ticks = |process: &StoreProcess| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", process.child.id())).expect("the process runs");
            // The name in parentheses may contain blanks. Counted after the name, user and system time are fields 12
            // and 13.
            let (_, rest) = stat.rsplit_once(')').expect("the name is in parentheses");
            let fields = rest.split_whitespace().skip(11).take(2);
            fields
                .map(|ticks| ticks.parse::<f64>().expect("ticks are a number"))
                .sum::<f64>()
        };
        self.processes.iter().map(process_ticks).sum::<f64>() / TICKS_PER_SECOND
    }
}

/// The modules of the binary, callees before callers and publishers before subscribers.
fn declared_modules(binary: &Binary, store: &Store) -> Vec<String> {
    let mut command = binary.command(store, &["topology", "--json"]);
    let output = command.stdout(Stdio::piped()).output().expect("the binary starts");
    assert!(output.status.success(), "`offshoot topology --json` failed");
    let topology: Value = serde_json::from_slice(&output.stdout).expect("the topology is JSON");
    let modules = topology["modules"]
        .as_array()
        .expect("the topology lists modules")
        .iter();
    let names = modules.map(|module| module["module"].as_str().expect("a module has a name").to_owned());
    names.collect()
}

async fn compare(engine: &str, binary: &Binary, one: &Store, apart: &Store) {
    let running = [
        RunningStore::in_one_process(binary, one).await,
        RunningStore::in_separate_processes(binary, apart).await,
    ];
    for buyers in BUYERS {
        let figures = alternate(ROUNDS, 2, async |contestant| {
            let running = &running[contestant];
            let carts = running.shop.fill_carts(CHECKOUTS).await;
            let before = running.cpu_seconds();
            let shares = carts.chunks(CHECKOUTS / buyers).map(<[Cart]>::to_vec);
            let mut round = run_buyers(shares.map(|share| Arc::clone(&running.shop).buy(share))).await;
            round.cpu_per_thousand = (running.cpu_seconds() - before) / CHECKOUTS as f64 * 1_000.0;
            round
        })
        .await;
        println!("{engine}, {buyers} buyers");
        for (name, figure, decimals) in FIGURES {
            let values = |contestant: usize| figures[contestant].iter().map(figure);
            let (one, apart) = (
                Spread::from_values(values(0)).median,
                Spread::from_values(values(1)).median,
            );
            let ratio = Spread::from_ratios(values(1), values(0));
            println!("  {name:30} | one {one:8.decimals$} | apart {apart:8.decimals$} | ratio {ratio}");
        }
    }
}

/// The figures of one round.
struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    /// CPU seconds per 1,000 orders.
    cpu_per_thousand: f64,
}

type Figure = (&'static str, fn(&Round) -> f64, usize);

const FIGURES: [Figure; 4] = [
    ("orders a second", |round| round.per_second, 0),
    ("p50, ms", |round| round.p50.as_secs_f64() * 1e3, 2),
    ("p99, ms", |round| round.p99.as_secs_f64() * 1e3, 2),
    ("CPU seconds per 1,000 orders", |round| round.cpu_per_thousand, 2),
];

/// Runs all buyers concurrently. Each buyer returns the durations of the checkouts.
async fn run_buyers(buyers: impl Iterator<Item = impl Future<Output = Vec<Duration>> + Send + 'static>) -> Round {
    let start = Instant::now();
    let buyers: Vec<_> = buyers.map(tokio::spawn).collect();
    let mut times = Vec::new();
    for buyer in buyers {
        times.extend(buyer.await.expect("no buyer panics"));
    }
    let elapsed = start.elapsed();
    times.sort_unstable();
    Round {
        per_second: times.len() as f64 / elapsed.as_secs_f64(),
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        cpu_per_thousand: 0.0,
    }
}
