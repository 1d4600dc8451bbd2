//! Cost of a checkout, `POST /api/v1/carts/{id}/checkout` in the real binary, compared with the checkout's own
//! statements issued through sqlx.
//!
//! A real checkout comes first; the statements are captured from the log. The baseline issues the same texts in the
//! same order and transactions, over as many sqlx connections to the same files or server, with the same durability.
//! Each statement must change or return as many rows as in the checkout.
//!
//! The subscribers of orders and stock are configured at addresses without a server, because their work is not part of
//! the checkout. Also measured: a store of all modules, whose subscribers handle the events during the sales, and the
//! cost of the published event within the confirming transaction.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::baseline::Baseline;
use crate::captured::Captured;
use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::shop::{Cart, Shop};
use crate::store::{Binary, Store};
use crate::store_process::StoreProcess;

// The baseline.
mod baseline;
mod captured;
mod values;
// The load.
#[path = "../shared/shop.rs"]
mod shop;
// Measurement.
#[path = "../shared/connection.rs"]
mod connection;
#[path = "../shared/rounds.rs"]
mod rounds;
// The measured store.
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/store.rs"]
mod store;
#[path = "../shared/store_process.rs"]
mod store_process;

const ROUNDS: usize = 7;
/// Checkouts per contestant and round, divided among the buyers.
const CHECKOUTS: usize = 320;
const BUYERS: [usize; 2] = [1, 16];
/// Subscribers of orders and stock; a checkout does not call these modules.
const SUBSCRIBERS: [&str; 3] = ["storefront", "notifications", "reporting"];
const UNUSED_ADDRESS: &str = "http://127.0.0.1:9";
/// Disables the sweep for interrupted orders.
const NO_SWEEPS: (&str, &str) = ("OFFSHOOT__ORDERS__SWEEP_EVERY", "1h");

#[tokio::main]
async fn main() {
    let binary = Binary::build();
    println!("checkout of three lines (medians of {ROUNDS} rounds of {CHECKOUTS} checkouts each)");
    compare("SQLite", &binary, [None, None]).await;
    let Some(cluster) = Postgres::start() else { return };
    let databases = ["alone", "whole"].map(|name| Some(cluster.database(name)));
    compare("Postgres", &binary, databases).await;
}

async fn compare(engine: &str, binary: &Binary, databases: [Option<String>; 2]) {
    let [store, whole] = databases.map(|database| with_sample(binary, Store::empty(database)));
    let captured = Captured::from_checkout(binary, &store).await;
    let (statements, commits) = (captured.statements.len(), captured.commits());
    println!("{engine}: a checkout is {statements} statements and {commits} commits");
    let process = StoreProcess::spawn(&mut store_without_subscribers(binary, &store));
    let shop = Arc::new(Shop::open(&process.address, &store).await);
    let whole_process = StoreProcess::start(binary, &whole, "no");
    whole_process.wait_until_ready();
    let whole_shop = Arc::new(Shop::open(&whole_process.address, &whole).await);
    let baseline = Arc::new(Baseline::connect(&store, captured).await);
    measure_publishing(engine, &shop, &baseline).await;
    for buyers in BUYERS {
        let figures = alternate(ROUNDS, 3, async |contestant| {
            let at = if contestant == 2 { &whole_shop } else { &shop };
            let carts = at.fill_carts(CHECKOUTS).await;
            let shares = carts.chunks(CHECKOUTS / buyers).map(<[Cart]>::to_vec);
            if contestant == 1 {
                run_buyers(shares.map(|share| Arc::clone(&baseline).buy(share))).await
            } else {
                run_buyers(shares.map(|share| Arc::clone(at).buy(share))).await
            }
        })
        .await;
        let rates = |contestant: usize| figures[contestant].iter().map(|round| round.per_second);
        let summary = |contestant: usize| {
            let p50 = figures[contestant].iter().map(|round| round.p50.as_secs_f64() * 1e3);
            let rate = Spread::from_values(rates(contestant)).median;
            format!("{rate:5.0}/s p50 {:.2} ms", Spread::from_values(p50).median)
        };
        for (contestant, variant) in [(0, ""), (2, ", with subscribers")] {
            let title = format!("{engine}, {buyers} buyers{variant}");
            report(
                &title,
                summary(contestant),
                summary(1),
                Spread::from_ratios(rates(contestant), rates(1)),
            );
        }
    }
}

/// Measures the cost of the event within the confirming transaction: the same statements with and without the event.
async fn measure_publishing(engine: &str, shop: &Shop, baseline: &Baseline) {
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let carts = shop.fill_carts(CHECKOUTS).await;
        baseline.confirm(&carts, contestant == 0).await.as_secs_f64() * 1e3 / CHECKOUTS as f64
    })
    .await;
    let summary = |contestant: usize| {
        format!(
            "{:.3} ms",
            Spread::from_values(figures[contestant].iter().copied()).median
        )
    };
    let ratio = Spread::from_ratios(figures[0].iter().copied(), figures[1].iter().copied());
    report(
        &format!("{engine}, confirming with an event"),
        summary(0),
        summary(1),
        ratio,
    );
}

/// Imports the sample by a first start.
fn with_sample(binary: &Binary, store: Store) -> Store {
    if store.database.is_some() {
        binary.run_command(&store, &["db", "migrate"]);
    }
    StoreProcess::start(binary, &store, "yes").wait_until_ready();
    store
}

/// Prepares `offshoot serve` with only the modules that a checkout needs. The process never becomes ready, because the
/// subscribers are missing.
fn store_without_subscribers(binary: &Binary, store: &Store) -> Command {
    let mut command = binary.command(store, &["serve", "--listen", "127.0.0.1:0", "--sample", "no"]);
    for module in SUBSCRIBERS {
        command.args(["--remote", &format!("{module}={UNUSED_ADDRESS}")]);
    }
    command.env(NO_SWEEPS.0, NO_SWEEPS.1);
    command
}

/// The figures of one round.
struct Round {
    per_second: f64,
    p50: Duration,
}

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
    }
}
