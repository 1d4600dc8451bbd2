//! A round of work, again and again, while this process has the lease for it.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::CallFailure;

use crate::{Lease, Replica};

/// How long the first round is waited for at most.
const FIRST: Duration = Duration::from_secs(60);

/// Does `round` with a pause of `every` in between, in one of the processes that offer it. Runs until it is dropped; what
/// a round fails of is logged, and the next one tries again.
pub async fn repeatedly<F>(
    replica: Arc<Replica>,
    name: &'static str,
    every: Duration,
    round: impl Fn(Lease) -> F + Send + Sync,
) where
    F: Future<Output = Result<u64, CallFailure>> + Send,
{
    let round = &round;
    let work = |lease: Lease| async move {
        // Soon for the first time, since leases move and processes end.
        let mut pause = every.min(FIRST);
        loop {
            // Spread, so that jobs that begin together do not work in step.
            tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>())).await;
            pause = every;
            if let Err(failure) = round(lease.clone()).await {
                tracing::warn!(
                    job = name,
                    error = &failure as &dyn std::error::Error,
                    "this round failed; the next one will try again"
                );
            }
        }
    };
    replica.hold(name, work).await;
}
