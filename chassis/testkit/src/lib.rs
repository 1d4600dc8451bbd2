//! Runs one test body under every placement and engine, with real databases and real sockets.
//!
//! A module's contract tests are one binary: its `main` calls [`contract_tests`] with the test bodies. The testkit must
//! not know any module.

// Interface of module tests.
mod combination;
mod module_under_test;
// Doubles of the modules that a module calls.
mod double;
mod faults;
// Test run and coverage.
mod coverage;
mod data_state;
mod repeating;
mod runner;
mod statements;
// Databases for tests.
mod database;
pub mod postgres;
pub mod private_server;
mod scratch_database;
mod server_shell;
pub mod tls_server;
// Addresses of servers that start later.
mod free_address;
// On Postgres: attacks on the isolation of modules, and faults of connections.
pub mod intruder;
pub mod proxy;

pub use crate::combination::{Combination, Placement};
pub use crate::double::Double;
pub use crate::faults::{Fault, Faults, Gate};
pub use crate::free_address::free_address;
pub use crate::module_under_test::{Body, BodyFuture, ModuleUnderTest, Test};
pub use crate::runner::contract_tests;
pub use crate::scratch_database::ScratchDatabase;
