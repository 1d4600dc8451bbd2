//! What the contract runtime promises, tried on a small contract with a scripted implementation.

mod counters;

mod cancellation;
mod compatibility;
mod description;
mod failures;
mod keys;
mod messages;
mod repeats;
