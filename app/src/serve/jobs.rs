//! What modules do by themselves while a process serves. Knows no module.

use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::CallFailure;

/// Runs until it is dropped. Nothing happens before somebody polls it.
pub type Job = BoxFuture<'static, ()>;

/// Does `round` again and again, with a pause of `every` in between. Several processes may do the same at once.
pub fn repeatedly<F>(name: &'static str, every: Duration, round: impl Fn() -> F + Send + Sync + 'static) -> Job
where
    F: Future<Output = Result<u64, CallFailure>> + Send,
{
    Box::pin(async move {
        loop {
            // Spread, so that processes that start together do not work in step.
            tokio::time::sleep(every.mul_f64(0.5 + rand::random::<f64>())).await;
            if let Err(failure) = round().await {
                tracing::warn!(
                    job = name,
                    error = &failure as &dyn std::error::Error,
                    "this round failed; the next one will try again"
                );
            }
        }
    })
}
