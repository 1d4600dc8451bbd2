//! Contract of the notifications module. Other modules may depend on this crate only.
//!
//! Must not know the database or the transport.

pub mod v1;
