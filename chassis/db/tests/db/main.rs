//! The chassis's databases, on both engines by one body wherever the engines agree.

#![expect(
    unreachable_pub,
    reason = "what the modules of a test share is public to no one else"
)]

#[path = "../../../testkit/src/intruder.rs"]
mod intruder;
#[path = "../../../testkit/src/postgres.rs"]
mod postgres;
#[path = "../../../testkit/src/proxy.rs"]
mod proxy;
mod store;

// One transaction.
mod constraints;
mod transactions;
mod values;
// One transaction and the rest of the world.
mod behind_the_edge;
mod cancellation;
mod concurrency;
mod deadlines;
mod disk;
mod idempotency;
mod lost_connections;
mod ownership;
// Opening and migrating.
mod isolation;
mod migrations;
mod opening;
mod provisioning;
mod roles;
mod tables;
