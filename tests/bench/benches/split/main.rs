//! What it costs to take the store apart: the same checkouts, every module in one process against every module in a
//! process of its own, on this machine. Rate, latency, and the processor time of all the servers together.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate};
use crate::serving::Serving;
use crate::shop::{Cart, Shop};
use crate::store::{Binary, Store};

#[path = "../shared/connection.rs"]
mod connection;
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/rounds.rs"]
mod rounds;
#[path = "../shared/serving.rs"]
mod serving;
#[path = "../shared/shop.rs"]
mod shop;
#[path = "../shared/store.rs"]
mod store;

const ROUNDS: usize = 7;
/// Checkouts of one contestant in a round, shared among the buyers.
const CHECKOUTS: usize = 320;
const BUYERS: [usize; 2] = [1, 16];
/// Those that are called or heard before those that call or hear them.
const MODULES: [&str; 8] = [
    "catalog",
    "inventory",
    "carts",
    "payments",
    "orders",
    "storefront",
    "notifications",
    "reporting",
];
/// Of a second, as Linux counts processor time.
const TICKS: f64 = 100.0;

#[tokio::main]
async fn main() {
    let binary = Binary::build();
    println!("checking out three lines, all modules in one process and each in its own (medians of {ROUNDS} rounds)");
    let (one, apart) = (Store::empty(None), Store::empty(None));
    compare("SQLite", &binary, &one, &apart).await;
    let Some(cluster) = Postgres::start() else { return };
    let (one, apart) = (cluster.database("one"), cluster.database("apart"));
    let (one, apart) = (Store::empty(Some(one)), Store::empty(Some(apart)));
    for store in [&one, &apart] {
        binary.run(store, &["db", "migrate"]);
    }
    compare("Postgres", &binary, &one, &apart).await;
}

/// A store that serves, in one process or several.
struct Running {
    /// The one with the public side last.
    processes: Vec<Serving>,
    shop: Arc<Shop>,
}

impl Running {
    async fn in_one_process(binary: &Binary, store: &Store) -> Self {
        Self::of(vec![Serving::start(binary, store, "yes")], store).await
    }

    async fn apart(binary: &Binary, store: &Store) -> Self {
        let (mut processes, mut remote) = (Vec::new(), Vec::<String>::new());
        for module in MODULES
            .iter()
            .map(|module| ["--only", module])
            .chain([["--sample", "yes"]])
        {
            let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
            arguments.extend(module);
            arguments.extend(remote.iter().flat_map(|remote| ["--remote", remote.as_str()]));
            let serving = Serving::of(&mut binary.command(store, &arguments));
            remote.push(format!("{}=http://{}", module[1], serving.address));
            processes.push(serving);
        }
        Self::of(processes, store).await
    }

    async fn of(processes: Vec<Serving>, store: &Store) -> Self {
        let front = processes.last().expect("there is one");
        front.wait_until_ready();
        let shop = Arc::new(Shop::open(&front.address, store).await);
        Self { processes, shop }
    }

    /// Processor time that all its processes have used.
    fn used(&self) -> f64 {
        let used = |serving: &Serving| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", serving.child.id())).expect("it runs");
            // Behind the name, which may hold blanks: user and system time are the 12th and 13th.
            let (_, rest) = stat.rsplit_once(')').expect("a name in parentheses");
            let fields = rest.split_whitespace().skip(11).take(2);
            fields.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>()
        };
        self.processes.iter().map(used).sum::<f64>() / TICKS
    }
}

async fn compare(engine: &str, binary: &Binary, one: &Store, apart: &Store) {
    let running = [
        Running::in_one_process(binary, one).await,
        Running::apart(binary, apart).await,
    ];
    for buyers in BUYERS {
        let figures = alternate(ROUNDS, 2, async |contestant| {
            let running = &running[contestant];
            let carts = running.shop.carts(CHECKOUTS).await;
            let before = running.used();
            let shares = carts.chunks(CHECKOUTS / buyers).map(<[Cart]>::to_vec);
            let mut round = timed(shares.map(|share| Arc::clone(&running.shop).buy(share))).await;
            round.cpu_per_thousand = (running.used() - before) / CHECKOUTS as f64 * 1_000.0;
            round
        })
        .await;
        println!("{engine}, {buyers} buying");
        for (name, figure, decimals) in FIGURES {
            let of = |contestant: usize| figures[contestant].iter().map(figure);
            let (one, apart) = (Spread::of(of(0)).median, Spread::of(of(1)).median);
            let ratio = Spread::of_ratios(of(1), of(0));
            println!("  {name:30} | one {one:8.decimals$} | apart {apart:8.decimals$} | ratio {ratio}");
        }
    }
}

/// What one round came to.
struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    /// Seconds of processor time for 1,000 orders.
    cpu_per_thousand: f64,
}

type Figure = (&'static str, fn(&Round) -> f64, usize);

const FIGURES: [Figure; 4] = [
    ("orders a second", |round| round.per_second, 0),
    ("p50, ms", |round| round.p50.as_secs_f64() * 1e3, 2),
    ("p99, ms", |round| round.p99.as_secs_f64() * 1e3, 2),
    ("CPU seconds per 1,000 orders", |round| round.cpu_per_thousand, 2),
];

/// Lets all buyers buy at the same time. Each answers how long its checkouts took.
async fn timed(buyers: impl Iterator<Item = impl Future<Output = Vec<Duration>> + Send + 'static>) -> Round {
    let start = Instant::now();
    let buyers: Vec<_> = buyers.map(tokio::spawn).collect();
    let mut times = Vec::new();
    for buyer in buyers {
        times.extend(buyer.await.expect("every checkout is made"));
    }
    let took = start.elapsed();
    times.sort_unstable();
    Round {
        per_second: times.len() as f64 / took.as_secs_f64(),
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        cpu_per_thousand: 0.0,
    }
}
