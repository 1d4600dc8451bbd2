//! The application: the store in one process, or any of its modules.
//!
//! Puts the modules together. Everything but [`wiring`] sees contracts only.

// The command line and the settings.
pub mod cli;
pub mod config;
// The modules, and how a process serves them.
pub mod serve;
pub mod topology;
pub mod wiring;
