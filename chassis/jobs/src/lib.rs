//! Work that one of several processes does at a time.
//!
//! Each process that works on a module's data is a [`Replica`] of it. What it offers to do, it does while it holds the
//! [`Lease`] for it: leases are spread evenly over the replicas that offer the same, are taken over within seconds from
//! one that was killed, and given back by one that stops. Nothing rests on clocks: replicas count each other's beats,
//! and every transaction of the work proves its lease (`CallContext::under_lease`). Knows no job.

// Who is there, and who has what.
mod lease;
mod replica;
mod roster;
// Work done again and again under a lease.
mod repeated;

pub use crate::lease::Lease;
pub use crate::repeated::repeatedly;
pub use crate::replica::{Pace, Replica};
