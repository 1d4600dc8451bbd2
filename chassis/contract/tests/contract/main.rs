//! Integration tests of the contract runtime, on a small contract with a scripted implementation.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

mod counters;

mod cancellation;
mod compatibility;
mod description;
mod failures;
mod keys;
mod messages;
mod public_problems;
mod retries;
