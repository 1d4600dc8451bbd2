//! The store as its users meet it: processes of the real binary, their data, and clients in the role of somebody.
//!
//! Knows the command line and the public API, and nothing of what is behind them.

// The binary, and processes of it.
mod binary;
mod faulty;
mod process;
// What processes share, and a store that is put together of them.
mod data;
mod store;
// Who uses it.
mod client;
mod roles;

pub use offshoot_db::Engine;

pub use crate::client::{Answer, Client};
pub use crate::data::{Data, new_database};
pub use crate::faulty::{Fault, FaultyProxy};
pub use crate::process::{Finished, Process, free_address, run};
pub use crate::roles::{Operator, Shopper};
pub use crate::store::{MODULES, Placement, SELLING, Store};
