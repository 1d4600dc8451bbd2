//! One of two replicas is stopped by SIGSTOP: connections stay open, requests arrive, nothing is answered.
//!
//! Only on Postgres: a process stopped in a transaction on SQLite holds the lock of the file, whatever its callers do.

use std::time::{Duration, Instant};

use offshoot_tests::{Client, Data, Engine, Process, with_callees};
use tokio::task::JoinSet;

use super::super::interrupted_import::env_setting;
use super::super::{STORE_PERMITS, is_available};
use super::{buy, endpoints, stock_product};

/// Checkouts before the stop.
const BEFORE: usize = 40;
/// Checkouts after the ejection, unless `OFFSHOOT_CHECKOUTS` is set.
const AFTER: usize = 80;
/// A new buyer comes, whatever has become of the others.
const NEW_BUYER_EVERY: Duration = Duration::from_millis(50);
/// Buyers who buy one thing after the other.
const BUYERS: usize = 8;
const EJECTED: &str = "endpoint ejected because no call was answered";

#[tokio::test]
async fn a_hung_replica_of_payments_fails_no_checkout() {
    one_replica_hangs("payments", false).await;
}

#[tokio::test]
async fn a_hung_replica_of_payments_in_the_own_zone_fails_no_checkout() {
    one_replica_hangs("payments", true).await;
}

#[tokio::test]
async fn a_hung_replica_of_orders_fails_no_checkout() {
    one_replica_hangs("orders", false).await;
}

#[tokio::test]
async fn a_hung_replica_of_orders_in_the_own_zone_fails_no_checkout() {
    one_replica_hangs("orders", true).await;
}

#[tokio::test]
async fn buyers_who_wait_for_a_hung_replica_go_on_buying() {
    let Some(shop) = Shop::open("payments", false).await else {
        return;
    };
    let rate = async |purchases: usize| {
        let begin = Instant::now();
        let mut buyers = JoinSet::new();
        for _ in 0..BUYERS {
            let (client, product) = (shop.client.clone(), shop.product.clone());
            buyers.spawn(async move {
                for _ in 0..purchases / BUYERS {
                    assert_eq!(buy(&client, &product).await, 201);
                }
            });
        }
        buyers.join_all().await;
        purchases as f64 / begin.elapsed().as_secs_f64()
    };
    let purchases = env_setting("OFFSHOOT_CHECKOUTS").unwrap_or(AFTER);
    let healthy = rate(purchases).await;
    shop.replicas[0].send_signal("STOP").await;
    let sick = rate(purchases).await;
    println!("{BUYERS} buyers: {healthy:.0} purchases a second, {sick:.0} with a hung replica");
    shop.close().await;
}

/// A front with two replicas of one module.
struct Shop {
    data: Data,
    replicas: [Process; 2],
    /// The modules that the replicas call.
    elsewhere: Option<Process>,
    front: Process,
    module: &'static str,
    product: String,
    client: Client,
}

impl Shop {
    /// `None` without Postgres. `has_zones`: the first replica is in the zone of the front.
    async fn open(module: &'static str, has_zones: bool) -> Option<Self> {
        if !is_available(Engine::Postgres) {
            return None;
        }
        let data = Data::new(Engine::Postgres).await;
        // The callees run elsewhere: a replica that stops while it holds the stock of the product would fail every buyer.
        let callees = with_callees(module).into_iter().filter(|callee| *callee != module);
        let callees = callees.collect::<Vec<_>>();
        let elsewhere = match callees.is_empty() {
            true => None,
            false => Some(data.serve(&["--only", &callees.join(",")]).await),
        };
        let remote = elsewhere
            .iter()
            .flat_map(|process| callees.iter().map(|callee| format!("{callee}={}", process.url())));
        let remote: Vec<_> = remote.flat_map(|address| ["--remote".to_owned(), address]).collect();
        let mut replica = vec!["--only", module];
        replica.extend(remote.iter().map(String::as_str));
        let replicas = [data.serve(&replica).await, data.serve(&replica).await];
        let zone = if has_zones { "#zone=here" } else { "" };
        let [near, far] = replicas.each_ref().map(|replica| format!("{module}={}", replica.url()));
        let near = format!("{near}{zone}");
        let zone = format!("OFFSHOOT__MODULES__{}__ZONE", module.to_uppercase());
        let zone = [(zone.as_str(), if has_zones { "here" } else { "" })];
        let front = data.serve_with(&zone, &["--remote", &near, "--remote", &far]).await;
        front.wait_until_ready().await;
        let product = stock_product(&data, &front).await;
        let client = Client::new(front.url());
        Some(Self {
            data,
            replicas,
            elsewhere,
            front,
            module,
            product,
            client,
        })
    }

    async fn hung_endpoint(&self) -> serde_json::Value {
        endpoints(&self.data, &self.front, self.module).await.swap_remove(0)
    }

    /// Continues the stopped replica, which must be called again, and stops all processes.
    async fn close(self) {
        self.replicas[0].send_signal("CONT").await;
        let front = &self.front;
        front
            .wait_until("has not taken the replica back", async || {
                buy(&self.client, &self.product).await == 201 && self.hung_endpoint().await["ejected"] == false
            })
            .await;
        self.data.run_command(&["replay", "proofs"]).await.expect_success();
        self.front.stop().await;
        for process in self.replicas.into_iter().chain(self.elsewhere) {
            process.stop().await;
        }
    }
}

/// A checkout: the number, the begin, and the outcome.
type Checkout = (usize, Instant, u16);

/// Buyers come at a fixed rate, before and after the stop of one replica, until enough have come after the ejection.
async fn one_replica_hangs(module: &'static str, has_zones: bool) {
    let _permits = STORE_PERMITS
        .acquire_many(2)
        .await
        .expect("the semaphore is never closed");
    let Some(shop) = Shop::open(module, has_zones).await else {
        return;
    };
    let mut buyers = JoinSet::<Checkout>::new();
    let (mut stopped, mut ejected) = (None, None);
    let after = env_setting("OFFSHOOT_CHECKOUTS").unwrap_or(AFTER);
    let mut calls_before = 0;
    let mut pace = tokio::time::interval(NEW_BUYER_EVERY);
    for number in 0.. {
        pace.tick().await;
        if number == BEFORE {
            calls_before = shop.hung_endpoint().await["calls"].as_u64().unwrap_or_default();
            shop.replicas[0].send_signal("STOP").await;
            stopped = Some(Instant::now());
        }
        if ejected.is_none() && stopped.is_some() && shop.data.log_text().contains(EJECTED) {
            ejected = Some((number, Instant::now()));
        }
        if ejected.is_some_and(|(first, _)| number >= first + after) {
            break;
        }
        let (client, product) = (shop.client.clone(), shop.product.clone());
        buyers.spawn(async move { (number, Instant::now(), buy(&client, &product).await) });
    }
    let (Some(stopped), Some((first, ejected))) = (stopped, ejected) else {
        unreachable!("the loop ends after the ejection")
    };
    let mut checkouts = buyers.join_all().await;
    checkouts.sort_unstable();
    report(&checkouts, stopped, ejected);
    let (earlier, later) = checkouts.split_at(BEFORE);
    // The replica executes nothing of these.
    let failed: Vec<_> = later.iter().filter(|checkout| checkout.2 != 201).collect();
    assert!(failed.is_empty(), "failed after the stop: {failed:?}");
    // An order that the replica has begun is pending until another one takes the order over, or waits for the locks of the
    // interrupted transaction.
    let failed: Vec<_> = earlier
        .iter()
        .filter(|checkout| !matches!(checkout.2, 201 | 202 | 504))
        .collect();
    assert!(failed.is_empty(), "failed before the stop: {failed:?}");
    let attracted = shop.hung_endpoint().await["calls"].as_u64().unwrap_or_default() - calls_before;
    let came = (first - BEFORE) as u64;
    assert!(
        attracted <= 10 + came / 4,
        "the hung replica got {attracted} calls while {came} buyers came"
    );
    shop.close().await;
}

/// Prints the figures of an open loop. They depend on the machine, so nothing is asserted.
fn report(checkouts: &[Checkout], stopped: Instant, ejected: Instant) {
    let share = |from: u64| {
        let from = stopped + Duration::from_secs(from);
        let made: Vec<_> = checkouts.iter().filter(|(_, begin, _)| *begin >= from).collect();
        let failed = made.iter().filter(|(.., status)| !matches!(status, 201 | 202)).count();
        let pending = made.iter().filter(|(.., status)| *status == 202).count();
        format!("{failed} of {} ({pending} pending)", made.len())
    };
    println!(
        "ejected {:?} after the stop; failed checkouts: {} from the stop on, {} from 3 s on, {} from 10 s on",
        ejected - stopped,
        share(0),
        share(3),
        share(10)
    );
}
