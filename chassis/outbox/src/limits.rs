//! All bounds of logs and subscriptions. `docs/LIMITS.md` lists them with the other bounds of the project.

use std::time::Duration;

use offshoot_contract::Backoff;

// Publishing.
/// Largest payload, bytes. Enough for an order of a thousand lines at some hundred bytes each; subscribers fetch larger
/// data with a call.
pub const MAX_PAYLOAD_BYTES: usize = 512 << 10;

// Reading the log.
/// Maximum number of positions assigned by one transaction; such a transaction takes milliseconds.
pub(crate) const ASSIGNED_MAX: i64 = 2_000;
/// Payload bytes after which a page takes no further event.
pub(crate) const PAGE_BYTES_MAX: i64 = 1 << 20;
/// Maximum number of positions scanned for one page. Bounds the cost whatever plan the database chooses.
pub(crate) const PAGE_POSITIONS_MAX: i64 = 10_000;
/// Maximum number of events of one page.
pub(crate) const PAGE_EVENTS_MAX: u32 = 500;
/// Limit of the count of events without a position: counting a million events is slow.
pub const UNNUMBERED_COUNT_MAX: i64 = 10_000;

// Removing events.
/// Minimum age of removed events: time to notice a fault and to replay.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A reader that has not read for this long no longer keeps events from being removed.
pub(crate) const READER_FORGOTTEN_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Maximum number of events removed by one transaction.
pub(crate) const REMOVED_PER_TRANSACTION: usize = 1_000;
/// Maximum number of events found by one scan of the log.
pub(crate) const FOUND_MAX: usize = 20_000;

// Following a log, in this process or over HTTP.
/// How often a log is polled for events published by other processes.
pub(crate) const LOG_POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Longest wait of one head request for new events.
pub(crate) const LONG_POLL_MAX: Duration = Duration::from_secs(20);
/// Timeout of one request's statements.
pub(crate) const LOG_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a reader's position is recorded for retention.
pub(crate) const READER_RECORD_INTERVAL: Duration = Duration::from_secs(5);
/// Timeout of one read. Longer than the long poll of a head request.
pub(crate) const FEED_TIMEOUT: Duration = Duration::from_secs(25);
/// Number of new events from which on polling pauses: readers of a backlog find later events by themselves.
pub(crate) const BACKLOG_EVENTS: i64 = 1_000;
/// Pause of polling during a backlog.
pub(crate) const BACKLOG_PAUSE: Duration = Duration::from_millis(250);

// Handling events.
/// Pauses after transient failures of the database or the log.
pub(crate) const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// How often an idle partition reads the log without a wake-up and checks whether an operator has moved the cursor.
pub(crate) const IDLE_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often an idle partition records that it is current.
pub(crate) const IDLE_RECORD_INTERVAL: Duration = Duration::from_secs(10);
/// How often due parked events are retried.
pub(crate) const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// Timeout for clearing a projection before a rebuild.
pub(crate) const CLEAR_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Limit of parked events of one partition. Beyond the limit the subscriber is at fault, and the partition is held.
pub(crate) const PARKED_MAX: i64 = 10_000;
/// Maximum number of parked events counted for metrics: those of four partitions at their limit.
pub(crate) const OBSERVED_PARKED_MAX: i64 = 40_000;
/// Maximum number of parked events retried in one round.
pub(crate) const DUE_EVENTS_MAX: i64 = 50;
/// Longest pause before a retry of a parked event, in first pauses.
pub(crate) const PAUSE_FACTOR_MAX: u32 = 128;
/// Default number of partitions of a subscription.
pub(crate) const PARTITIONS: i32 = 4;
/// Default maximum number of events handled by one transaction.
pub(crate) const BATCH_EVENTS: u32 = 200;
/// Default timeout of a transaction that handles events.
pub(crate) const BATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Default number of attempts before a parked event becomes a dead letter: about a minute of pauses.
pub(crate) const ATTEMPTS: i32 = 8;
/// Default pause after the first failed attempt; doubles with each further attempt.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(500);
