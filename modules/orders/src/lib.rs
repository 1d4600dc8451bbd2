//! Orders module: checkout, cancellation, returns, recorded sales and revenue. Implements `orders_api`.
//!
//! Knows the contracts of carts, inventory and payments, but neither their implementations nor where they run.

// The module, and its start in a process.
mod orders;
mod start;
// One method per use case, and the answers in the types of the contract.
mod answer;
mod service;
// Checkout, cancellation and returns: the calls that begin a saga, and the plan of each saga.
mod checkout;
mod checkout_saga;
mod return_saga;
mod returns;
// The state of a saga, the steps as calls to other modules, and step errors.
mod saga_state;
mod step_error;
mod steps;
// Events of an order.
mod events;
// Types and rules, without a database.
mod domain;
mod sales;
// SQL.
mod store;

pub use crate::orders::{Collaborators, Orders, OrdersSettings};
pub use crate::start::{MODULE, SAGAS, SCHEMA, start};
