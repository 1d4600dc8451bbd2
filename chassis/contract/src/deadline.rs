//! A deadline for a future that is usually ready at once: a timer is created only if the future has to wait.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use tokio::time::{Instant, sleep_until};

/// The deadline passed before the future was ready. The future has been dropped.
#[derive(Debug)]
pub(crate) struct DeadlineExceeded;

/// Awaits `future`, but no longer than `deadline`.
pub(crate) async fn timeout_at<F: Future>(deadline: Instant, future: F) -> Result<F::Output, DeadlineExceeded> {
    let mut future = pin!(future);
    // Most local calls are ready at the first poll, and a timer costs more than such a call.
    if let Poll::Ready(output) = futures_util::poll!(future.as_mut()) {
        return Ok(output);
    }
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = sleep_until(deadline) => Err(DeadlineExceeded),
    }
}
