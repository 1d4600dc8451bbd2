//! Outbox tests on real databases of both engines: one module publishes events, another module subscribes to them.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

// The publishing and the subscribing module, and processes that handle events.
mod harness;
// Guarantees of a subscription.
mod delivering;
mod failing;
mod holding;
mod sharing;
// Projections of another module's data.
mod projecting;
// The log on Postgres, compared with naive ways to read a table in order.
mod traps;
// Removal of old events.
mod retention;
// Readers far behind the log.
mod backlog;
// The log in another process.
mod over_http;
