//! Backups of two modules, one of which listens to the other, on both engines: taken, checked, put back, and what that does
//! to the other one.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod world;

// What is refused, and what changes nothing.
mod refusing;
mod sound;
// Putting back.
mod alone;
mod ruins;
mod together;
// What differs afterwards.
mod doctor;
