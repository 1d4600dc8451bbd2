//! Test harness: processes of the real binary, their data, and clients in the roles of users.
//!
//! The harness knows the command line and the public API, and behind them only the records of migrations.

// The binary and its processes.
mod binary;
mod process;
// Between clients and processes.
mod balancer;
mod editing_proxy;
mod faulty_proxy;
// Shared data, records of migrations, and a store assembled from several processes.
mod data;
mod migration;
mod store;
// Clients and the roles of users.
mod client;
mod mover;
mod roles;

pub use offshoot_db::Engine;

pub use crate::balancer::Balancer;
pub use crate::client::{Client, Response};
pub use crate::data::{Data, create_database};
pub use crate::editing_proxy::{Edit, EditedAnswer, EditingProxy};
pub use crate::faulty_proxy::{Fault, FaultyProxy, Forgotten};
pub use crate::migration::put_record;
pub use crate::mover::{Mover, SLOW_MARGIN_MS, gates};
pub use crate::process::{CommandOutput, Process, free_address, run_offshoot, run_offshoot_within, send_signal};
pub use crate::roles::{Operator, Shopper};
pub use crate::store::{MODULES, Placement, Store, with_callees};
