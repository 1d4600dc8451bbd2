//! Postgres: one schema per module, two roles.

mod budget;
mod server;
// Roles, schema and rights: what has to hold, making it hold, and seeing what holds.
mod isolation;
mod lock;
mod provisioning;
mod roles;
mod secret;

pub(crate) use crate::postgres::budget::check_budget;
pub(crate) use crate::postgres::isolation::look;
pub(crate) use crate::postgres::lock::lock_migrators;
pub(crate) use crate::postgres::provisioning::{Site, grant_rights, is_founded, provision};
pub(crate) use crate::postgres::roles::owner_of;
pub(crate) use crate::postgres::server::{Login, PostgresServer, quoted};
