//! Whether the database itself keeps a module to its own data, or whether that rests on the manners of its SQL.

use crate::migrate::ModuleSchema;
use crate::postgres::{Login, PostgresServer, look};
use crate::{DatabaseUrl, OpenError};

/// What a module's login may do beside its work.
///
/// Every connection acts as the module's runtime role. If another role has logged in, SQL of the module can say
/// `RESET ROLE`, and then has whatever that login has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Who has logged in.
    pub login: String,
    /// What it may do that the module must not, in words; empty where the database keeps it to its own data.
    pub breaches: Vec<String>,
}

impl Isolation {
    /// Whether the database keeps the module to its own data.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.breaches.is_empty()
    }
}

/// Looks at the login by which a module's data is opened. None on SQLite, where a module's data is a file of its own
/// and every module of a process can open every file.
pub async fn isolation(schema: &'static ModuleSchema, url: &DatabaseUrl) -> Result<Option<Isolation>, OpenError> {
    schema.check_name()?;
    let DatabaseUrl::Postgres(login) = url else {
        return Ok(None);
    };
    let server = PostgresServer::new(login, schema.module, Login::Runtime);
    let connected = server.connect().await;
    let mut connection = connected.map_err(|cause| server.explain(url, cause))?;
    let found = look(&mut connection, schema.module, &server.address()).await?;
    Ok(Some(found))
}
