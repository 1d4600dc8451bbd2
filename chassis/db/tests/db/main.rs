//! Tests of the database crate, with one test body for both engines wherever the engines agree.

#![expect(
    unreachable_pub,
    reason = "items shared by the modules of a test have no other users"
)]

#[path = "../../../testkit/authority.rs"]
mod authority;
#[path = "../../../testkit/src/intruder.rs"]
mod intruder;
#[path = "../../../testkit/src/postgres.rs"]
mod postgres;
#[path = "../../../testkit/src/private_server.rs"]
mod private_server;
#[path = "../../../testkit/src/proxy.rs"]
mod proxy;
#[path = "../../../testkit/src/server_shell.rs"]
mod server_shell;
mod store;
#[path = "../../../testkit/src/tls_server.rs"]
mod tls_server;

// One transaction.
mod constraints;
mod transactions;
mod values;
// Transactions beside other transactions, processes and failures.
mod cancellation;
mod concurrency;
mod deadlines;
mod disk;
mod full_servers;
mod idempotency;
mod lost_connections;
mod ownership;
mod recovery;
mod reported_failures;
mod upkeep;
// Opening, migrating and provisioning.
mod isolation;
mod migrations;
mod opening;
mod provisioning;
mod roles;
mod table_locks;
mod tables;
// Connecting to Postgres.
mod restarting;
mod tls;
