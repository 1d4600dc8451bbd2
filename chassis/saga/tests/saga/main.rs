//! Tests of sagas on real databases of both engines, with participants that fail, hang and lose responses.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

// Fixture, fake participants, and a module that drives sagas.
mod fixture;
mod participants;
mod trips;
// The tests, by theme.
mod interrupted;
mod operating;
mod timing;
mod undoing;
mod versions;
