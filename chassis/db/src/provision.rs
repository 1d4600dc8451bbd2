//! Provisioning: an administrator creates roles and schemas once, so that running the store needs no such privileges.
//!
//! SQLite has no roles and needs no provisioning. This file must not know any module.

use sqlx::Connection as _;

use crate::migrate::ModuleSchema;
use crate::open_error::OpenError;
use crate::options::DbOptions;
use crate::postgres::{
    self, PostgresServer, ProvisionOptions, ProvisionedStep, ProvisioningTarget, SessionRole, acquire_migration_lock,
    connect_within,
};
use crate::url::DatabaseUrl;

/// Creates a module's roles and schema with exactly the privileges that the module needs. Returns the steps that were
/// missing; empty if every step was done before.
///
/// The login in `url` needs CREATEROLE, and CREATE on this database. Objects of other owners are left unchanged.
pub async fn provision(
    schema: &'static ModuleSchema,
    url: &DatabaseUrl,
    provisioning: &ProvisionOptions,
    options: &DbOptions,
) -> Result<Vec<ProvisionedStep>, OpenError> {
    schema.check_name()?;
    let DatabaseUrl::Postgres(login) = url else {
        return Ok(Vec::new());
    };
    let module = schema.module;
    let server = PostgresServer::new(login, module, SessionRole::Login);
    let address = server.address();
    let connected = connect_within(&server, options.server_patience).await;
    let mut connection = connected.map_err(|cause| OpenError::CannotConnect {
        module,
        address: address.clone(),
        cause,
    })?;
    acquire_migration_lock(&mut connection, module, &address, options.migration_lock_timeout).await?;
    let target = ProvisioningTarget {
        module,
        address: &address,
        server: &server,
    };
    let steps = postgres::provision(&mut connection, target, provisioning).await?;
    // The steps are committed; closing also releases the lock. A failure to close changes neither.
    let _ = connection.close().await;
    Ok(steps)
}
