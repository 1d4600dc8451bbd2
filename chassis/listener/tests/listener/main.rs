//! The listening socket under idle, slow, half-finished and hostile clients. Real sockets; limits are small, and a test waits
//! for an event.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

mod client;
mod limits;
mod stopping;
mod timeouts;
