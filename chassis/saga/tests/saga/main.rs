//! Sagas on real databases of both engines, with participants that fail, hang and forget.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

// A module that books trips, the world in which it does, and databases.
mod store;
mod trips;
mod world;
// What is tested.
mod interrupted;
mod operating;
mod timing;
mod undoing;
mod versions;
