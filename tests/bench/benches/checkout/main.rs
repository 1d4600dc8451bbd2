//! What a checkout costs, `POST /api/v1/carts/{id}/checkout` in the real binary, over its own statements issued bare.
//!
//! A real checkout is made first and its statements are taken from the log. The baseline issues the same texts in the
//! same order and the same transactions, on connections of sqlx to the same files or the same server, as durable and as
//! many: what is left out is everything else. It has to change and find as many rows as the checkout did.
//!
//! The modules that hear of orders and stock are elsewhere, and hear nothing: their work is not the checkout's. What a store
//! of all modules does, which hears of its sales while it sells, is printed too, over the same baseline; and what the event
//! costs the transaction that confirms the order.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bare::Bare;
use crate::captured::Captured;
use crate::postgres::Postgres;
use crate::rounds::{Spread, alternate, report};
use crate::serving::Serving;
use crate::shop::{Cart, Shop};
use crate::store::{Binary, Store};

// Who is compared with the store, and with what.
mod bare;
mod captured;
mod values;
// Who buys in the store.
#[path = "../shared/shop.rs"]
mod shop;
// How it is measured.
#[path = "../shared/connection.rs"]
mod connection;
#[path = "../shared/rounds.rs"]
mod rounds;
// What is measured.
#[path = "../shared/postgres.rs"]
mod postgres;
#[path = "../shared/serving.rs"]
mod serving;
#[path = "../shared/store.rs"]
mod store;

const ROUNDS: usize = 7;
/// Checkouts of one contestant in a round, shared among the buyers.
const CHECKOUTS: usize = 320;
const BUYERS: [usize; 2] = [1, 16];
/// Nobody has to answer for them.
const HEARERS: [&str; 3] = ["storefront", "notifications", "reporting"];
const NOWHERE: &str = "http://127.0.0.1:9";
/// Nobody looks for interrupted orders meanwhile.
const NO_SWEEPING: (&str, &str) = ("OFFSHOOT__ORDERS__SWEEP_EVERY", "1h");

#[tokio::main]
async fn main() {
    let binary = Binary::build();
    println!("checking out three lines (medians of {ROUNDS} rounds of {CHECKOUTS} checkouts each)");
    compare("SQLite", &binary, [None, None]).await;
    let Some(cluster) = Postgres::start() else { return };
    let databases = ["alone", "whole"].map(|name| Some(cluster.database(name)));
    compare("Postgres", &binary, databases).await;
}

async fn compare(engine: &str, binary: &Binary, databases: [Option<String>; 2]) {
    let [store, whole] = databases.map(|database| filled(binary, Store::empty(database)));
    let captured = Captured::from(binary, &store).await;
    let (statements, commits) = (captured.statements.len(), captured.commits());
    println!("{engine}: a checkout is {statements} statements and {commits} commits");
    let serving = Serving::of(&mut store_without_hearers(binary, &store));
    let shop = Arc::new(Shop::open(&serving.address, &store).await);
    let all = Serving::start(binary, &whole, "no");
    all.wait_until_ready();
    let hearing = Arc::new(Shop::open(&all.address, &whole).await);
    let bare = Arc::new(Bare::connect(&store, captured).await);
    announcing(engine, &shop, &bare).await;
    for buyers in BUYERS {
        let figures = alternate(ROUNDS, 3, async |contestant| {
            let at = if contestant == 2 { &hearing } else { &shop };
            let carts = at.carts(CHECKOUTS).await;
            let shares = carts.chunks(CHECKOUTS / buyers).map(<[Cart]>::to_vec);
            if contestant == 1 {
                timed(shares.map(|share| Arc::clone(&bare).buy(share))).await
            } else {
                timed(shares.map(|share| Arc::clone(at).buy(share))).await
            }
        })
        .await;
        let rates = |contestant: usize| figures[contestant].iter().map(|round| round.per_second);
        let told = |contestant: usize| {
            let p50 = figures[contestant].iter().map(|round| round.p50.as_secs_f64() * 1e3);
            let rate = Spread::of(rates(contestant)).median;
            format!("{rate:5.0}/s p50 {:.2} ms", Spread::of(p50).median)
        };
        for (contestant, what) in [(0, ""), (2, ", all hearing")] {
            let what = format!("{engine}, {buyers} buying{what}");
            report(
                &what,
                told(contestant),
                told(1),
                Spread::of_ratios(rates(contestant), rates(1)),
            );
        }
    }
}

/// What the event costs the transaction that confirms the order: its statements with and without, one after the other.
async fn announcing(engine: &str, shop: &Shop, bare: &Bare) {
    let figures = alternate(ROUNDS, 2, async |contestant| {
        let carts = shop.carts(CHECKOUTS).await;
        bare.confirm(&carts, contestant == 0).await.as_secs_f64() * 1e3 / CHECKOUTS as f64
    })
    .await;
    let told = |contestant: usize| format!("{:.3} ms", Spread::of(figures[contestant].iter().copied()).median);
    let ratio = Spread::of_ratios(figures[0].iter().copied(), figures[1].iter().copied());
    report(&format!("{engine}, confirming with an event"), told(0), told(1), ratio);
}

/// With the sample, which a first run brings.
fn filled(binary: &Binary, store: Store) -> Store {
    if store.database.is_some() {
        binary.run(&store, &["db", "migrate"]);
    }
    Serving::start(binary, &store, "yes").wait_until_ready();
    store
}

/// `offshoot serve` of the modules that a checkout needs. Says nothing of being ready, since the others are not there.
fn store_without_hearers(binary: &Binary, store: &Store) -> Command {
    let mut command = binary.command(store, &["serve", "--listen", "127.0.0.1:0", "--sample", "no"]);
    for module in HEARERS {
        command.args(["--remote", &format!("{module}={NOWHERE}")]);
    }
    command.env(NO_SWEEPING.0, NO_SWEEPING.1);
    command
}

/// What one round came to.
struct Round {
    per_second: f64,
    p50: Duration,
}

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
    }
}
