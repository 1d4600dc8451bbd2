//! Time in milliseconds since the process began to listen, small enough for an atomic.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

fn begin() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now)
}

/// Milliseconds since the first call of this function.
pub(crate) fn now() -> u64 {
    millis(begin().elapsed())
}

/// The instant `after` milliseconds since the first call, plus `limit`.
pub(crate) fn deadline(after: u64, limit: Duration) -> Instant {
    begin() + Duration::from_millis(after) + limit
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
