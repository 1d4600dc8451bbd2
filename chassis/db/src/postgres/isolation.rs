//! Reads from the system catalogs which privileges a login has beyond its module's own data.

use sqlx::postgres::PgConnection;

use crate::open_error::OpenError;

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

/// Query of the login's privileges. The login counts and not the current role, because `RESET ROLE` returns to the login.
/// A schema with a table `offshoot_owner` belongs to a module.
const LOGIN_PRIVILEGES: &str = "\
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

crate::row! {
    postgres:
    struct LoginPrivileges {
        login: String,
        is_superuser: bool,
        makes_roles: bool,
        makes_schemas: bool,
        changes_own: bool,
        roles: Vec<String>,
        schemas: Vec<String>,
    }
}

/// Inspects the login of this connection.
pub(crate) async fn inspect_login(
    connection: &mut PgConnection,
    module: &'static str,
    address: &str,
) -> Result<Isolation, OpenError> {
    let privileges: LoginPrivileges = sqlx::query_as(LOGIN_PRIVILEGES)
        .bind(module)
        .fetch_one(connection)
        .await
        .map_err(|cause| OpenError::Failed {
            operation: format!("{module}: reading the privileges of the login at {address}"),
            cause,
        })?;
    Ok(to_isolation(privileges))
}

fn to_isolation(privileges: LoginPrivileges) -> Isolation {
    let login = privileges.login;
    if privileges.is_superuser {
        let breaches = vec!["is a superuser".to_owned()];
        return Isolation { login, breaches };
    }
    let mut breaches = Vec::new();
    if privileges.makes_roles {
        breaches.push("may create and grant roles".to_owned());
    }
    if privileges.makes_schemas {
        breaches.push("may create schemas".to_owned());
    }
    if privileges.changes_own {
        breaches.push("may change the module's own tables".to_owned());
    }
    if !privileges.roles.is_empty() {
        breaches.push(format!("may act as {}", privileges.roles.join(", ")));
    }
    if !privileges.schemas.is_empty() {
        breaches.push(format!("may use the schemas {}", privileges.schemas.join(", ")));
    }
    Isolation { login, breaches }
}
