//! Postgres: one schema per module, two roles.

mod budget;
mod roles;
mod server;

pub(crate) use crate::postgres::budget::check_budget;
pub(crate) use crate::postgres::roles::{grant_to_runtime, prepare_schema};
pub(crate) use crate::postgres::server::{Login, PostgresServer, quoted};
