//! Isolation of a module's login: whether the database itself keeps the module out of other modules' data.

use crate::migrate::ModuleSchema;
use crate::open_error::OpenError;
use crate::postgres::{Isolation, PostgresServer, SessionRole, inspect_login};
use crate::url::DatabaseUrl;

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
    let mut connection = connected.map_err(|cause| server.explain_connect_error(cause))?;
    let isolation = inspect_login(&mut connection, schema.module, &server.address()).await?;
    Ok(Some(isolation))
}
