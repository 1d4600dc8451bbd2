//! Postgres: one schema and two roles per module.

// The only way to a connection: a checked login.
mod login;
mod tls;
mod waiting;
// Sessions of a module.
mod server;
mod sessions;
// Roles, schema and privileges: the desired state, how to reach the state, and how to inspect it.
mod isolation;
mod migration_lock;
mod provision_options;
mod provisioning;
mod roles;
mod scram;

pub use crate::postgres::isolation::Isolation;
pub use crate::postgres::login::PostgresLogin;
pub use crate::postgres::provision_options::{Password, ProvisionOptions, ProvisionedStep};
pub use crate::postgres::sessions::this_process;

pub(crate) use crate::postgres::isolation::inspect_login;
pub(crate) use crate::postgres::migration_lock::acquire_migration_lock;
pub(crate) use crate::postgres::provisioning::{ProvisioningTarget, grant_privileges, has_roles_and_schema, provision};
pub(crate) use crate::postgres::roles::owner_role;
pub(crate) use crate::postgres::server::{PostgresServer, SessionRole, quote_plain_name};
pub(crate) use crate::postgres::sessions::{read_load, session_name};
pub(crate) use crate::postgres::waiting::connect_within;
