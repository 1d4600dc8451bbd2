//! Listening sockets of a process. Hostile, slow and idle clients exhaust neither the places of a socket nor the memory or
//! the file descriptors of the process.
//!
//! A connection that executes no request can be closed at any time: at the limit, the one that has waited longest makes
//! room for a new one. Knows HTTP and no contract.

mod body;
mod budget;
mod clock;
mod connection;
mod connections;
mod descriptors;
mod limits;
mod listener;
mod service;
mod stopping;
mod stream;

pub use crate::body::{BodyError, receive_body, receive_body_within};
pub use crate::budget::BodyBudget;
pub use crate::descriptors::raise_limit;
pub use crate::limits::ListenerLimits;
pub use crate::listener::{Bound, Listener, SharedServerTls};
pub use crate::service::AT_THE_LIMIT;
pub use crate::stopping::Stopping;
