//! A module's schema and its two roles, as steps: what has to hold, how to see that it does not, and what makes it hold.
//!
//! `<m>_owner` owns the schema and runs migrations; no one logs in as it. `<m>` works: it reads and writes rows, makes
//! nothing, and reaches no other module's schema. Roles belong to the whole server, so two databases on it share them.
//! What belongs to others, the schema `public` among it, is left as it is, unless the database is the store's alone.

use crate::postgres::quoted;

/// A thing that has to hold.
pub(crate) struct Step {
    /// In the words of an operator.
    pub(crate) what: String,
    /// An SQL expression that is true where it does not hold.
    pub(crate) lacks: String,
    /// What makes it hold. Contains no password, only what a server keeps of one.
    pub(crate) sql: String,
    /// What the login needs for it.
    pub(crate) needs: Right,
}

/// What a login needs for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// CREATEROLE.
    CreateRole,
    /// CREATE on the database.
    CreateSchema,
    /// To act as the schema's owner. These steps are sent after `SET ROLE`.
    Owner,
    /// To own the database.
    Database,
}

/// The role that owns a module's schema.
pub(crate) fn owner_of(module: &str) -> String {
    format!("{module}_owner")
}

/// A text as an SQL literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A role that may not exist, as an expression: its id, or null.
fn role(name: &str) -> String {
    format!("(SELECT oid FROM pg_roles WHERE rolname = {})", literal(name))
}

/// Roles and schema.
pub(crate) fn foundation(module: &str) -> Vec<Step> {
    let owner = owner_of(module);
    let (quoted_owner, quoted_module) = (quoted(&owner), quoted(module));
    vec![
        create_role(&owner),
        create_role(module),
        acts_as(&owner, None),
        Step {
            what: format!("made the schema `{module}`, which `{owner}` owns"),
            lacks: format!("to_regnamespace('{quoted_module}') IS NULL"),
            sql: format!("CREATE SCHEMA {quoted_module} AUTHORIZATION {quoted_owner}"),
            needs: Right::CreateSchema,
        },
    ]
}

fn create_role(name: &str) -> Step {
    Step {
        what: format!("made the role `{name}`"),
        lacks: format!("{} IS NULL", role(name)),
        sql: format!("CREATE ROLE {} NOLOGIN", quoted(name)),
        needs: Right::CreateRole,
    }
}

/// Lets a login, or the one that is connected, act as a role. A superuser may without being told.
pub(crate) fn acts_as(name: &str, login: Option<&str>) -> Step {
    let (login_name, who, grantee) = match login {
        None => (
            "CURRENT_USER".to_owned(),
            "this login".to_owned(),
            "CURRENT_USER".to_owned(),
        ),
        Some(login) => (literal(login), format!("`{login}`"), quoted_login(login)),
    };
    Step {
        what: format!("let {who} act as `{name}`"),
        lacks: format!(
            "COALESCE((SELECT NOT pg_has_role(oid, {}, 'MEMBER') AND NOT rolsuper FROM pg_roles WHERE rolname = {login_name}), \
                      (SELECT NOT rolsuper FROM pg_roles WHERE rolname = {login_name}), true)",
            role(name)
        ),
        sql: format!("GRANT {} TO {grantee}", quoted(name)),
        needs: Right::CreateRole,
    }
}

/// A login's name comes from an operator and may hold anything.
pub(crate) fn quoted_login(login: &str) -> String {
    format!("\"{}\"", login.replace('"', "\"\""))
}

/// Lets the runtime role log in by itself.
pub(crate) fn logs_in(module: &str) -> Step {
    Step {
        what: format!("let `{module}` log in"),
        lacks: format!(
            "COALESCE((SELECT NOT rolcanlogin FROM pg_roles WHERE rolname = {}), true)",
            literal(module)
        ),
        sql: format!("ALTER ROLE {} LOGIN", quoted(module)),
        needs: Right::CreateRole,
    }
}

/// Who may connect to a database that is the store's alone, and what everybody else no longer may.
pub(crate) fn own_database(database: &str, logins: &[&str]) -> Vec<Step> {
    let name = quoted_login(database);
    let public_may = |right: &str| {
        format!(
            "EXISTS (SELECT FROM pg_database d, aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a \
             WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type IN ({right}))"
        )
    };
    let may_connect = |login: &&str| Step {
        what: format!("let `{login}` connect to this database"),
        lacks: format!(
            "NOT EXISTS (SELECT FROM pg_database d, aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a \
             WHERE d.datname = current_database() AND a.grantee = {} AND a.privilege_type = 'CONNECT')",
            role(login)
        ),
        sql: format!("GRANT CONNECT ON DATABASE {name} TO {}", quoted_login(login)),
        needs: Right::Database,
    };
    let mut steps: Vec<_> = logins.iter().map(may_connect).collect();
    steps.push(Step {
        what: "took from PUBLIC the right to connect to this database and to make temporary tables".to_owned(),
        lacks: public_may("'CONNECT', 'TEMPORARY'"),
        sql: format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC"),
        needs: Right::Database,
    });
    steps.push(Step {
        what: "took from PUBLIC the right to make tables in the schema `public`".to_owned(),
        lacks: "EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a \
                WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE')"
            .to_owned(),
        sql: "REVOKE CREATE ON SCHEMA public FROM PUBLIC".to_owned(),
        needs: Right::Database,
    });
    steps
}

/// What the owner grants: the runtime role changes rows and calls functions. Who owns the data and what was migrated it
/// only reads. PUBLIC has nothing, the EXECUTE on new functions included that Postgres gives it everywhere.
pub(crate) fn rights(module: &str) -> Vec<Step> {
    let owner = owner_of(module);
    let (schema, runtime) = (quoted(module), quoted(module));
    let (as_owner, owner_id) = (quoted(&owner), role(&owner));
    let namespace = format!("to_regnamespace('{schema}')");
    let runtime_id = role(module);
    let step = |what: String, lacks: String, sql: String| Step {
        what,
        lacks,
        sql,
        needs: Right::Owner,
    };
    // How many of the rights `wanted` the runtime role gets on what the owner will make.
    let default = |kind: char, wanted: &str, many: usize| {
        format!(
            "(SELECT count(*) FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE d.defaclrole = {owner_id} \
             AND d.defaclnamespace = {namespace} AND d.defaclobjtype = '{kind}' AND a.grantee = {runtime_id} \
             AND a.privilege_type IN ({wanted})) < {many}"
        )
    };
    vec![
        step(
            format!("took the schema `{module}` from PUBLIC"),
            format!(
                "EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.oid = {namespace} AND a.grantee = 0)"
            ),
            format!("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC"),
        ),
        step(
            format!("let `{module}` use its schema, and make nothing there"),
            format!(
                "COALESCE((SELECT NOT has_schema_privilege({runtime_id}, {namespace}, 'USAGE') \
                 OR EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a \
                            WHERE n.oid = {namespace} AND a.grantee = {runtime_id} AND a.privilege_type = 'CREATE')), true)"
            ),
            format!("GRANT USAGE ON SCHEMA {schema} TO {runtime}; REVOKE CREATE ON SCHEMA {schema} FROM {runtime}"),
        ),
        step(
            format!("gave `{module}` the rows of tables to come"),
            format!(
                "{} OR {} OR {}",
                default('r', "'SELECT', 'INSERT', 'UPDATE', 'DELETE'", 4),
                default('S', "'SELECT', 'USAGE'", 2),
                default('f', "'EXECUTE'", 1)
            ),
            format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime}; \
                 ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {runtime}; \
                 ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} IN SCHEMA {schema} GRANT EXECUTE ON FUNCTIONS TO {runtime}"
            ),
        ),
        step(
            format!("took functions that `{owner}` makes from PUBLIC"),
            format!(
                "NOT EXISTS (SELECT FROM pg_default_acl d WHERE d.defaclrole = {owner_id} AND d.defaclnamespace = 0 \
                 AND d.defaclobjtype = 'f' AND NOT EXISTS (SELECT FROM aclexplode(d.defaclacl) a WHERE a.grantee = 0))"
            ),
            format!("ALTER DEFAULT PRIVILEGES FOR ROLE {as_owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"),
        ),
        rows_and_nothing_else(module, &runtime_id, &namespace),
    ]
}

/// Rights on what is there, as [`rights`] says.
fn rows_and_nothing_else(module: &str, runtime_id: &str, namespace: &str) -> Step {
    let (schema, runtime) = (quoted(module), quoted(module));
    Step {
        what: format!("gave `{module}` rows, sequences and functions of its schema, and nothing else there"),
        lacks: wrong_rights(runtime_id, namespace),
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
        needs: Right::Owner,
    }
}

/// Whether any table, sequence or function of the schema has other rights than it should.
fn wrong_rights(runtime: &str, namespace: &str) -> String {
    let rights = "COALESCE(c.relacl, acldefault('r', c.relowner))";
    let has = |right: &str| {
        format!(
            "EXISTS (SELECT FROM aclexplode({rights}) a WHERE a.grantee = {runtime} AND a.privilege_type IN ({right}))"
        )
    };
    format!(
        "EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = {namespace} AND c.relkind IN ('r', 'p', 'v', 'm') AND ( \
             EXISTS (SELECT FROM aclexplode({rights}) a WHERE a.grantee = 0) \
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
