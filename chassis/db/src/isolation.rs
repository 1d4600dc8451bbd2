//! Whether the database itself restricts a module to its own data, or only the module's SQL does.

use crate::migrate::ModuleSchema;
use crate::postgres::{PostgresServer, SessionRole, inspect_login};
use crate::{DatabaseUrl, OpenError};

/// Privileges of a module's login beyond the module's own data.
///
/// Every connection acts as the module's runtime role. If another role has logged in, SQL of the module can execute
/// `RESET ROLE` and then has every privilege of the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Role name of the login.
    pub login: String,
    /// Privileges that the login has and the module must not have, each as a predicate of the login ("may act as x").
    /// Empty if the database restricts the module to its own data.
    pub breaches: Vec<String>,
}

impl Isolation {
    /// Whether the database restricts the module to its own data.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.breaches.is_empty()
    }
}

/// Inspects the privileges of the login in `url`. None on SQLite: there a module's data is a file of its own, and every
/// module of a process can open every file.
pub async fn inspect_isolation(
    schema: &'static ModuleSchema,
    url: &DatabaseUrl,
) -> Result<Option<Isolation>, OpenError> {
    schema.check_name()?;
    let DatabaseUrl::Postgres(login) = url else {
        return Ok(None);
    };
    let server = PostgresServer::new(login, schema.module, SessionRole::Runtime);
    let connected = server.connect().await;
    let mut connection = connected.map_err(|cause| server.explain_connect_error(url, cause))?;
    let isolation = inspect_login(&mut connection, schema.module, &server.address()).await?;
    Ok(Some(isolation))
}
