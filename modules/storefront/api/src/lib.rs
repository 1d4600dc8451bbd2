//! The contract of the storefront: all that others may see of it.
//!
//! Knows no database and no transport.

pub mod v1;
