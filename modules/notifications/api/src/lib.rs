//! The contract of the notifications: all that others may see of them.
//!
//! Knows no database and no transport.

pub mod v1;
