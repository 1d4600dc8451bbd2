//! Guarantees between contract client and server, tested over real sockets.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "../../../testkit/authority.rs"]
mod authority;
mod notes;

mod broken_servers;
mod callers;
mod cut_points;
mod disconnecting;
mod encoding;
mod invalid_requests;
mod protocol;
mod replicas;
mod service_keys;
mod sick_replicas;
mod tls;
mod trials;
mod versions;
mod wrong_store;
