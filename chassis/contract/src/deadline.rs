//! A deadline around a future that usually needs none: the timer is made only if the future has to wait.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use tokio::time::{Instant, sleep_until};

/// The deadline passed first; the future has been dropped.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// Runs `future` until `deadline`.
pub(crate) async fn until<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    // Most local calls are ready at the first poll, and a timer costs more than they do.
    if let Poll::Ready(output) = futures_util::poll!(future.as_mut()) {
        return Ok(output);
    }
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = sleep_until(deadline) => Err(Elapsed),
    }
}
