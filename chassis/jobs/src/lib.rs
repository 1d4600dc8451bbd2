//! Leases: one of several replicas does a piece of background work at a time. Knows no particular work.
//!
//! Each process that works on a module's data is a [`Replica`]. A replica offers work by name and does the work while it
//! holds the [`Lease`] of that name. Leases are spread evenly over the replicas that offer the same name, are taken over
//! within seconds from a killed replica, and are released by a stopping replica. Correctness does not depend on clocks:
//! replicas count each other's heartbeats, and every transaction of the work proves its lease
//! (`CallContext::with_lease`).

// Replicas and leases.
mod assignment;
mod lease;
mod liveness;
mod replica;
mod store;
// Periodic work under a lease.
mod periodic;

pub use crate::lease::Lease;
pub use crate::periodic::repeat_under_lease;
pub use crate::replica::{HeartbeatTiming, Replica};
pub use crate::store::Process;
