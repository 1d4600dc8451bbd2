//! Runs concurrent buyers; each buys one basket after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Options;
use super::baskets::Basket;
use super::buyer::{Buyer, LatestOrder, Outcome};
use super::http::Requests;
use super::public_client::PublicClient;

/// Running buyers.
pub struct Load {
    shared: Arc<Shared>,
    buyers: JoinSet<Result<Vec<Outcome>>>,
}

struct Shared {
    store: Arc<PublicClient>,
    baskets: Vec<Basket>,
    /// Number of times that all baskets are bought.
    laps: usize,
    /// Pause of a buyer between two baskets.
    pause: Duration,
    next: AtomicUsize,
    done: AtomicU64,
    latest: LatestOrder,
    stopped: AtomicBool,
}

impl Load {
    /// Buys all baskets `laps` times; each buyer pauses after each basket.
    pub(super) fn start(
        url: &str,
        baskets: Vec<Basket>,
        options: &Options,
        laps: usize,
        pause: Duration,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            store: Arc::new(PublicClient::new(url, options.patience)?),
            baskets,
            laps,
            pause,
            next: AtomicUsize::new(0),
            done: AtomicU64::new(0),
            latest: LatestOrder::default(),
            stopped: AtomicBool::new(false),
        });
        let mut buyers = JoinSet::new();
        for _ in 0..options.concurrency.max(1) {
            buyers.spawn(Arc::clone(&shared).buy(options.seed, options.run.clone()));
        }
        Ok(Self { shared, buyers })
    }

    /// Baskets with an outcome.
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Number of retries.
    pub fn repeats(&self) -> u64 {
        self.shared.store.repeats()
    }

    /// Requests so far, each attempt counted by itself.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.shared.store.requests()
    }

    /// The newest order of these buyers.
    #[must_use]
    pub fn latest_order(&self) -> LatestOrder {
        self.shared.latest.clone()
    }

    /// Outcomes of a buyer that has ended; `None` if all have ended.
    pub(super) async fn next_ended(&mut self) -> Option<Result<Vec<Outcome>>> {
        let ended = self.buyers.join_next().await?;
        Some(ended.unwrap_or_else(|error| Err(error.into())))
    }

    /// Lets each buyer finish the current basket, and returns all outcomes and all requests.
    pub async fn stop(mut self) -> Result<(Vec<Outcome>, Requests)> {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let mut outcomes = Vec::new();
        while let Some(of_one) = self.next_ended().await {
            outcomes.extend(of_one?);
        }
        Ok((outcomes, self.requests()))
    }
}

impl Shared {
    async fn buy(self: Arc<Self>, seed: u64, run: String) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        while !self.stopped.load(Ordering::Relaxed) {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let (lap, place) = (place / self.baskets.len(), place % self.baskets.len());
            if lap == self.laps {
                break;
            }
            // A later lap needs new idempotency keys, or the store would repeat the old responses.
            let run = if lap == 0 { run.clone() } else { format!("{run}-{lap}") };
            let buyer = Buyer::new(Arc::clone(&self.store), seed, run, self.latest.clone());
            outcomes.push(buyer.buy(&self.baskets[place]).await?);
            self.done.fetch_add(1, Ordering::Relaxed);
            sleep(self.pause).await;
        }
        Ok(outcomes)
    }
}
