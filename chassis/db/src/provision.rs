//! Provisioning: an administrator makes roles and schemas once, and nobody who runs the store needs those rights.
//!
//! On SQLite there is nothing to provision: a module's data is a file of its own. Knows no module.

use std::fmt;

use sqlx::Connection as _;

use crate::migrate::ModuleSchema;
use crate::postgres::{Login, PostgresServer, Site, lock_migrators};
use crate::{DatabaseUrl, DbOptions, OpenError, postgres};

/// What is made beside roles and schema.
#[derive(Debug, Clone, Default)]
pub struct ProvisionOptions {
    /// Each module's runtime role logs in by itself.
    pub logins: bool,
    /// Its password. Without one the server decides how it knows the role.
    pub password: Option<Password>,
    /// A login that is there already and may act as the owner, so that it can migrate.
    pub migrator: Option<String>,
    /// Nobody else uses the database: PUBLIC may no longer connect to it, nor make tables there.
    pub own_database: bool,
    /// The login that provisions works with the data too, as in development.
    pub shared: bool,
    /// Nothing is changed.
    pub dry_run: bool,
}

/// A password. Is never shown.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// A password of printable ASCII; none if there is anything else in it, which servers and clients normalise
    /// differently, or if it is empty.
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

/// A step of provisioning that was carried out, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedStep {
    /// In words.
    pub what: String,
    /// As SQL, for an administrator who wants to see it. Never holds a password.
    pub sql: String,
}

/// Makes a module's roles and schema with the rights that they need and no more. Answers what was missing: nothing where
/// everything was there.
///
/// The login may create roles, and schemas in this database. What belongs to others is left as it is.
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
    let server = PostgresServer::new(login, module, Login::Itself);
    let address = server.address();
    let connected = server.connect().await;
    let mut connection = connected.map_err(|cause| OpenError::NoConnection {
        module,
        address: address.clone(),
        cause,
    })?;
    lock_migrators(&mut connection, module, &address, options.migration_patience).await?;
    let site = Site {
        module,
        address: &address,
        server: &server,
    };
    let steps = postgres::provision(&mut connection, site, provisioning).await?;
    // Whatever goes wrong here, the connection and its lock are gone.
    let _ = connection.close().await;
    Ok(steps)
}
