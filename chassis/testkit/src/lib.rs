//! One test body under every placement and engine, on real parts: real databases, real sockets.
//!
//! A module's contract tests are one binary whose `main` calls [`contract_tests`] with the bodies. Knows no module.

// What a module and a body say and get.
mod combination;
mod module;
// The run, and what it counts.
mod coverage;
mod observed;
mod runner;
mod state;
mod statements;
// Databases to run on.
mod database;
mod fresh;
pub mod postgres;
// Whether Postgres keeps modules apart.
pub mod intruder;
pub mod proxy;

pub use crate::combination::{Access, Combination};
pub use crate::fresh::Fresh;
pub use crate::module::{Body, ModuleUnderTest, Running, Test};
pub use crate::runner::contract_tests;
