//! What client and server promise each other, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

mod notes;

mod broken_servers;
mod callers;
mod cut_points;
mod disconnecting;
mod encoding;
mod encrypted;
mod keys;
mod replicas;
mod strictness;
mod versions;
mod wrong_places;
