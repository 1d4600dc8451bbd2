//! Periodic work under a lease: rounds with pauses in between.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallFailure, scattered};

use crate::lease::Lease;
use crate::replica::Replica;

/// Longest pause before the first round.
const FIRST_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Runs `round` with a pause of about `every` in one of the processes that offer `name`, until the future is dropped.
///
/// A failed round is logged, and the next round tries again.
pub async fn repeat_under_lease<F>(
    replica: Arc<Replica>,
    name: &'static str,
    every: Duration,
    round: impl Fn(Lease) -> F + Send + Sync,
) where
    F: Future<Output = Result<u64, CallFailure>> + Send,
{
    let round = &round;
    let work = |lease: Lease| async move {
        // The first round comes soon, because leases move and processes end.
        let mut pause = every.min(FIRST_PAUSE_MAX);
        loop {
            // Jittered, so that jobs that start together do not run in step.
            tokio::time::sleep(scattered(pause)).await;
            pause = every;
            if let Err(failure) = round(lease.clone()).await {
                tracing::warn!(
                    job = name,
                    error = &failure as &dyn std::error::Error,
                    "job failed; the next round tries again"
                );
            }
        }
    };
    replica.run_under_lease(name, work).await;
}
