//! What a login may do that its module must not, read from the catalogs.

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use crate::{Isolation, OpenError};

/// Asked of the login, not of the role that it acts as: `RESET ROLE` leads back to the login. Other modules' schemas are
/// those that have an owner's row.
const QUESTION: &str = "\
    SELECT l.rolname::text AS login, l.rolsuper AS is_superuser, l.rolcreaterole AS makes_roles, \
           has_database_privilege(l.oid, current_database(), 'CREATE') AS makes_schemas, \
           COALESCE((SELECT has_schema_privilege(l.oid, n.oid, 'CREATE') FROM pg_namespace n WHERE n.nspname = $1), false) \
               AS changes_own, \
           ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE r.rolname <> $1 AND r.oid <> l.oid \
                 AND pg_has_role(l.oid, r.oid, 'MEMBER') ORDER BY 1) AS roles, \
           ARRAY(SELECT n.nspname::text FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid \
                 WHERE c.relname = 'offshoot_owner' AND n.nspname <> $1 \
                 AND (has_schema_privilege(l.oid, n.oid, 'USAGE') OR has_schema_privilege($1::name, n.oid, 'USAGE')) \
                 ORDER BY 1) AS schemas \
    FROM pg_roles l WHERE l.rolname = session_user";

#[derive(FromRow)]
struct Answer {
    login: String,
    is_superuser: bool,
    makes_roles: bool,
    makes_schemas: bool,
    changes_own: bool,
    roles: Vec<String>,
    schemas: Vec<String>,
}

/// Looks at the login that this connection was opened by.
pub(crate) async fn look(
    connection: &mut PgConnection,
    module: &'static str,
    address: &str,
) -> Result<Isolation, OpenError> {
    let answer: Answer = sqlx::query_as(QUESTION)
        .bind(module)
        .fetch_one(connection)
        .await
        .map_err(|cause| OpenError::Failed {
            what: format!("{module}: looking at what the login may do at {address}"),
            cause,
        })?;
    Ok(judge(answer))
}

fn judge(answer: Answer) -> Isolation {
    let login = answer.login;
    if answer.is_superuser {
        let breaches = vec!["is a superuser".to_owned()];
        return Isolation { login, breaches };
    }
    let mut breaches = Vec::new();
    if answer.makes_roles {
        breaches.push("may create and grant roles".to_owned());
    }
    if answer.makes_schemas {
        breaches.push("may make schemas".to_owned());
    }
    if answer.changes_own {
        breaches.push("may change the module's own tables".to_owned());
    }
    if !answer.roles.is_empty() {
        breaches.push(format!("may act as {}", answer.roles.join(", ")));
    }
    if !answer.schemas.is_empty() {
        breaches.push(format!("may use the schemas {}", answer.schemas.join(", ")));
    }
    Isolation { login, breaches }
}
