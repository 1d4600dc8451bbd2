//! Contract of the storefront: the trait, types and errors that other modules may use.
//!
//! Knows no database and no transport.

pub mod v1;
