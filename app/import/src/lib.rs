//! Importers that fill the store through its contracts, never through its tables.
//!
//! A reader thread cuts the source into batches while the sender awaits one call after the other. Every call is
//! idempotent, so an import may be interrupted and repeated.

// Real invoice lines: products, prices, stock, sales.
pub mod online_retail;
// Any CSV or JSON file of products.
pub mod products;
// The first 300 invoices, embedded in the binary.
pub mod sample;

// Shared by both importers.
mod bad_rows;
mod checkpoint;
mod progress;
mod record_limit;
mod source;

use std::time::Duration;

pub use self::bad_rows::BadRows;
pub use self::checkpoint::Checkpoint;
pub use self::progress::{Progress, Reached, Silent, for_stderr};
pub use self::source::Source;

/// Timeout of one call with its retries. A call of 1,000 items takes milliseconds; a database may be busy.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Batches between reader and sender: one is being sent, one waits, one is being filled.
const BATCHES_AHEAD: usize = 1;
