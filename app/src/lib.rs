//! The application: the store in one process, or any of its modules.
//!
//! It alone puts the modules together. Everything but [`wiring`] sees contracts only.

// What holds, and how it is said.
pub mod cli;
pub mod config;
pub mod operators;
// Which modules there are, and how a process serves them.
pub mod serve;
pub mod topology;
pub mod wiring;
// What uses them: clients of the store, files that fill it, and buyers that prove it.
#[cfg(feature = "store")]
pub mod demo;
#[cfg(feature = "store")]
pub mod import;
#[cfg(feature = "store")]
pub mod public_api;
#[cfg(feature = "store")]
pub mod replay;
