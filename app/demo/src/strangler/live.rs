//! The live load: buyers and browsers together.

use anyhow::Result;
use offshoot_replay::{Load, Outcome, Requests};
use tokio::time::Instant;

use super::browsers::{Browsers, Site};

/// Running buyers and browsers.
pub(super) struct Live {
    buyers: Load,
    browsers: Browsers,
    begin: Instant,
}

/// All requests of a load that has ended.
pub(super) struct Total {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) requests: Requests,
    pub(super) seconds: f64,
}

/// Work of the load so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progressed {
    /// Requests, each attempt counted by itself.
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) baskets: u64,
    /// Rounds of all browsers together.
    pub(super) rounds: u64,
}

impl Progressed {
    /// The work since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            failed: self.failed - earlier.failed,
            baskets: self.baskets - earlier.baskets,
            rounds: self.rounds - earlier.rounds,
        }
    }
}

impl Live {
    pub(super) async fn start(buyers: Load, site: Site) -> Result<Self> {
        Ok(Self {
            buyers,
            browsers: Browsers::start(site).await?,
            begin: Instant::now(),
        })
    }

    pub(super) fn progressed(&self) -> Progressed {
        let requests = sum(self.buyers.requests(), self.browsers.requests());
        Progressed {
            requests: requests.sent,
            failed: requests.failures(),
            baskets: self.buyers.done(),
            rounds: self.browsers.rounds(),
        }
    }

    /// Lets everybody finish the current basket or page.
    pub(super) async fn stop(self) -> Result<Total> {
        let seconds = self.begin.elapsed().as_secs_f64();
        let browsed = self.browsers.stop().await?;
        let (outcomes, bought) = self.buyers.stop().await?;
        Ok(Total {
            outcomes,
            requests: sum(bought, browsed),
            seconds,
        })
    }
}

fn sum(one: Requests, other: Requests) -> Requests {
    let mut sum = one;
    sum.sent += other.sent;
    for (kind, count) in other.failed {
        *sum.failed.entry(kind).or_default() += count;
    }
    sum
}
