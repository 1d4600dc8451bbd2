//! Provisioning: an administrator creates roles and schemas once, so that running the store needs no such privileges.
//!
//! SQLite needs no provisioning: a module's data is a file of its own. This file must not know any module.

use std::fmt;

use sqlx::Connection as _;

use crate::migrate::ModuleSchema;
use crate::postgres::{PostgresServer, ProvisioningTarget, SessionRole, acquire_migration_lock};
use crate::{DatabaseUrl, DbOptions, OpenError, postgres};

/// Options of provisioning beyond roles and schema.
#[derive(Debug, Clone, Default)]
pub struct ProvisionOptions {
    /// Allow the module's runtime role to log in.
    pub logins: bool,
    /// Password of the runtime role. Without a password the server's own rules decide how the role authenticates.
    pub password: Option<Password>,
    /// An existing login that is granted the owner role, so that the login can migrate.
    pub migrator: Option<String>,
    /// The database belongs to the store alone: PUBLIC loses the right to connect and to create tables.
    pub own_database: bool,
    /// The login that provisions is also granted the runtime role, as in development.
    pub shared: bool,
    /// Report the missing steps and change nothing.
    pub dry_run: bool,
}

/// A password. `Debug` never shows the text.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Accepts printable ASCII only. None for an empty text and for any other character, because servers and clients
    /// normalise those differently.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        plain.then(|| Self(text.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// A step of provisioning that was executed, or would be executed without `dry_run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedStep {
    /// Past tense: "created the role `x`".
    pub description: String,
    /// The SQL of the step. Never contains a password.
    pub sql: String,
}

/// Creates a module's roles and schema with exactly the privileges that the module needs. Returns the steps that were
/// missing; empty if nothing was.
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
    let connected = server.connect().await;
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
