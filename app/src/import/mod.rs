//! Bringing data into the store, through its contracts and never through its tables.
//!
//! Reading and sending overlap: a reader on a thread of its own cuts the source into batches, and the sender awaits
//! one call after the other. Everything that is sent is idempotent, so any run may be broken off and repeated.

// Real invoice lines: products with the history of their prices.
pub mod online_retail;
// Any CSV or JSON file of products.
pub mod products;
// The first invoices of the former, which are part of the binary.
pub mod sample;

// Shared by both importers: where bytes come from, what is wrong with a row, how far an import is, and what is kept of it.
mod bad_rows;
mod checkpoint;
mod progress;
mod record_limit;
mod source;

pub use self::bad_rows::BadRows;
pub use self::checkpoint::Checkpoint;
pub use self::progress::{Progress, Reached, Silent, for_stderr};
pub use self::source::Source;

/// Batches that a reader may be ahead of the sender. One is being sent, the next is ready, a third is being filled.
const BATCHES_AHEAD: usize = 1;
