//! The provisioning steps of a module: its schema, its two roles and their privileges, each step with a check.
//!
//! The role `<m>_owner` owns the schema and runs migrations; nobody logs in as `<m>_owner`. The role `<m>` serves the
//! module at runtime: it reads and writes rows, creates nothing, and has no access to other modules' schemas. Roles
//! belong to the whole server, so two databases on one server share them. Objects of other owners, the schema `public`
//! included, are left unchanged, unless the database belongs to the store alone.

use crate::postgres::quote_plain_name;

/// One condition that provisioning establishes.
pub(crate) struct Step {
    /// For operators, in the past tense.
    pub(crate) description: String,
    /// SQL expression that is true if the condition does not hold.
    pub(crate) missing: String,
    /// SQL that establishes the condition. Contains at most the verifier of a password, never a password.
    pub(crate) sql: String,
    /// The privilege that the login needs for `sql`.
    pub(crate) needs: Privilege,
}

/// Privilege that a login needs for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// CREATEROLE.
    CreateRole,
    /// CREATE on the database.
    CreateSchema,
    /// Membership in the schema's owner role. These steps are sent after `SET ROLE`.
    SchemaOwner,
    /// Ownership of the database.
    DatabaseOwner,
}

/// Name of the role that owns a module's schema.
pub(crate) fn owner_role(module: &str) -> String {
    format!("{module}_owner")
}

/// Quotes a text as an SQL literal.
pub(crate) fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// SQL expression for the id of a role; null if the role does not exist.
fn role_id(name: &str) -> String {
    format!("(SELECT oid FROM pg_roles WHERE rolname = {})", quote_literal(name))
}

/// Steps that create roles and schema.
pub(crate) fn roles_and_schema(module: &str) -> Vec<Step> {
    let owner = owner_role(module);
    let (quoted_owner, quoted_module) = (quote_plain_name(&owner), quote_plain_name(module));
    vec![
        create_role(&owner),
        create_role(module),
        grant_role(&owner, None),
        Step {
            description: format!("created the schema `{module}`, owned by `{owner}`"),
            missing: format!("to_regnamespace('{quoted_module}') IS NULL"),
            sql: format!("CREATE SCHEMA {quoted_module} AUTHORIZATION {quoted_owner}"),
            needs: Privilege::CreateSchema,
        },
    ]
}

fn create_role(name: &str) -> Step {
    Step {
        description: format!("created the role `{name}`"),
        missing: format!("{} IS NULL", role_id(name)),
        sql: format!("CREATE ROLE {} NOLOGIN", quote_plain_name(name)),
        needs: Privilege::CreateRole,
    }
}

/// Grants a role to `login`, or to the connected login if none is given. A superuser needs no grant.
pub(crate) fn grant_role(name: &str, login: Option<&str>) -> Step {
    let (login_name, login_text, grantee) = match login {
        None => (
            "CURRENT_USER".to_owned(),
            "this login".to_owned(),
            "CURRENT_USER".to_owned(),
        ),
        Some(login) => (quote_literal(login), format!("`{login}`"), quote_identifier(login)),
    };
    Step {
        description: format!("allowed {login_text} to act as `{name}`"),
        missing: format!(
            "COALESCE((SELECT NOT pg_has_role(oid, {}, 'MEMBER') AND NOT rolsuper FROM pg_roles WHERE rolname = {login_name}), \
                      (SELECT NOT rolsuper FROM pg_roles WHERE rolname = {login_name}), true)",
            role_id(name)
        ),
        sql: format!("GRANT {} TO {grantee}", quote_plain_name(name)),
        needs: Privilege::CreateRole,
    }
}

/// Quotes a name from an operator, which may contain any character, as an SQL identifier.
pub(crate) fn quote_identifier(login: &str) -> String {
    format!("\"{}\"", login.replace('"', "\"\""))
}

/// Allows the runtime role to log in.
pub(crate) fn allow_login(module: &str) -> Step {
    Step {
        description: format!("allowed `{module}` to log in"),
        missing: format!(
            "COALESCE((SELECT NOT rolcanlogin FROM pg_roles WHERE rolname = {}), true)",
            quote_literal(module)
        ),
        sql: format!("ALTER ROLE {} LOGIN", quote_plain_name(module)),
        needs: Privilege::CreateRole,
    }
}

/// Restricts a database that belongs to the store alone: `logins` may connect, and PUBLIC may not.
pub(crate) fn restrict_database(database: &str, logins: &[&str]) -> Vec<Step> {
    let name = quote_identifier(database);
    let public_has = |privileges: &str| {
        format!(
            "EXISTS (SELECT FROM pg_database d, aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a \
             WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type IN ({privileges}))"
        )
    };
    let allow_connect = |login: &&str| Step {
        description: format!("allowed `{login}` to connect to this database"),
        missing: format!(
            "NOT EXISTS (SELECT FROM pg_database d, aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a \
             WHERE d.datname = current_database() AND a.grantee = {} AND a.privilege_type = 'CONNECT')",
            role_id(login)
        ),
        sql: format!("GRANT CONNECT ON DATABASE {name} TO {}", quote_identifier(login)),
        needs: Privilege::DatabaseOwner,
    };
    let mut steps: Vec<_> = logins.iter().map(allow_connect).collect();
    steps.push(Step {
        description: "revoked from PUBLIC the right to connect to this database and to create temporary tables"
            .to_owned(),
        missing: public_has("'CONNECT', 'TEMPORARY'"),
        sql: format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC"),
        needs: Privilege::DatabaseOwner,
    });
    steps.push(Step {
        description: "revoked from PUBLIC the right to create tables in the schema `public`".to_owned(),
        missing: "EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a \
                WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE')"
            .to_owned(),
        sql: "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
        needs: Privilege::DatabaseOwner,
    });
    steps
}

/// Privileges that the owner grants. The runtime role changes rows and calls functions, but only reads `offshoot_owner`
/// and `offshoot_migrations`. PUBLIC has no privileges, not even EXECUTE on new functions, which Postgres grants by
/// default.
pub(crate) fn privileges(module: &str) -> Vec<Step> {
    let owner = owner_role(module);
    let (schema, runtime) = (quote_plain_name(module), quote_plain_name(module));
    let (as_owner, owner_id) = (quote_plain_name(&owner), role_id(&owner));
    let namespace = format!("to_regnamespace('{schema}')");
    let runtime_id = role_id(module);
    let step = |description: String, missing: String, sql: String| Step {
        description,
        missing,
        sql,
        needs: Privilege::SchemaOwner,
    };
    // True if the runtime role gets fewer than `count` of the privileges `wanted` on objects that the owner will
    // create.
    let lacks_default = |kind: char, wanted: &str, count: usize| {
        format!(
            "(SELECT count(*) FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE d.defaclrole = {owner_id} \
             AND d.defaclnamespace = {namespace} AND d.defaclobjtype = '{kind}' AND a.grantee = {runtime_id} \
             AND a.privilege_type IN ({wanted})) < {count}"
        )
    };
    vec![
        step(
            format!("revoked all rights on the schema `{module}` from PUBLIC"),
            format!(
                "EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.oid = {namespace} AND a.grantee = 0)"
            ),
            format!("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC"),
        ),
        step(
            format!("allowed `{module}` to use its schema, and to create nothing there"),
            format!(
                "COALESCE((SELECT NOT has_schema_privilege({runtime_id}, {namespace}, 'USAGE') \
                 OR EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a \
                            WHERE n.oid = {namespace} AND a.grantee = {runtime_id} AND a.privilege_type = 'CREATE')), true)"
            ),
            format!("GRANT USAGE ON SCHEMA {schema} TO {runtime}; REVOKE CREATE ON SCHEMA {schema} FROM {runtime}"),
        ),
        step(
            format!("granted `{module}` the rows of future tables"),
            format!(
                "{} OR {} OR {}",
                lacks_default('r', "'SELECT', 'INSERT', 'UPDATE', 'DELETE'", 4),
                lacks_default('S', "'SELECT', 'USAGE'", 2),
                lacks_default('f', "'EXECUTE'", 1)
            ),
            format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime}; \
                 ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {runtime}; \
                 ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} IN SCHEMA {schema} GRANT EXECUTE ON FUNCTIONS TO {runtime}"
            ),
        ),
        step(
            format!("revoked from PUBLIC the right to call future functions of `{owner}`"),
            format!(
                "NOT EXISTS (SELECT FROM pg_default_acl d WHERE d.defaclrole = {owner_id} AND d.defaclnamespace = 0 \
                 AND d.defaclobjtype = 'f' AND NOT EXISTS (SELECT FROM aclexplode(d.defaclacl) a WHERE a.grantee = 0))"
            ),
            format!("ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"),
        ),
        restrict_to_rows(module, &runtime_id, &namespace),
    ]
}

/// Applies [`privileges`] to the objects that exist already.
fn restrict_to_rows(module: &str, runtime_id: &str, namespace: &str) -> Step {
    let (schema, runtime) = (quote_plain_name(module), quote_plain_name(module));
    Step {
        description: format!("granted `{module}` rows, sequences and functions of its schema, and nothing else there"),
        missing: has_wrong_privileges(runtime_id, namespace),
        sql: format!(
            "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC; \
                 REVOKE ALL ON ALL ROUTINES IN SCHEMA {schema} FROM PUBLIC; \
                 REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA {schema} FROM {runtime}; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {runtime}; \
                 GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {runtime}; \
                 GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {runtime}; \
                 DO $$ BEGIN IF to_regclass('{schema}.offshoot_owner') IS NOT NULL THEN \
                     REVOKE INSERT, UPDATE, DELETE ON {schema}.offshoot_owner FROM {runtime}; END IF; \
                 IF to_regclass('{schema}.offshoot_migrations') IS NOT NULL THEN \
                     REVOKE INSERT, UPDATE, DELETE ON {schema}.offshoot_migrations FROM {runtime}; END IF; END $$"
        ),
        needs: Privilege::SchemaOwner,
    }
}

/// SQL expression that is true if a table, sequence or function of the schema has other privileges than intended.
fn has_wrong_privileges(runtime: &str, namespace: &str) -> String {
    let table_acl = "COALESCE(c.relacl, acldefault('r', c.relowner))";
    let has = |privileges: &str| {
        format!(
            "EXISTS (SELECT FROM aclexplode({table_acl}) a WHERE a.grantee = {runtime} AND a.privilege_type IN ({privileges}))"
        )
    };
    format!(
        "EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = {namespace} AND c.relkind IN ('r', 'p', 'v', 'm') AND ( \
             EXISTS (SELECT FROM aclexplode({table_acl}) a WHERE a.grantee = 0) \
             OR NOT {select} OR {beyond} \
             OR CASE WHEN c.relname IN ('offshoot_owner', 'offshoot_migrations') THEN {dml} \
                     ELSE NOT ({insert} AND {update} AND {delete}) END)) \
         OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = {namespace} AND c.relkind = 'S' AND NOT {usage}) \
         OR EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = {namespace} AND ( \
             EXISTS (SELECT FROM aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0) \
             OR NOT EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = {runtime})))",
        select = has("'SELECT'"),
        beyond = has("'TRUNCATE', 'REFERENCES', 'TRIGGER'"),
        dml = has("'INSERT', 'UPDATE', 'DELETE'"),
        insert = has("'INSERT'"),
        update = has("'UPDATE'"),
        delete = has("'DELETE'"),
        usage = has("'USAGE'"),
    )
}
