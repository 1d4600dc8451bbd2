//! Making a module's roles and schema, once, as a login that may; seeing first what is missing, and changing only that.
//!
//! All of one module's steps are one transaction. Roles belong to the server, so another database's provisioning may
//! touch the same ones: then everything is looked at again.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor, FromRow, Row as _};

use crate::OpenError;
use crate::postgres::roles::{self, Right, Step, literal, owner_of};
use crate::postgres::{PostgresServer, quoted, secret};
use crate::provision::{ProvisionOptions, ProvisionedStep};

/// How often everything is looked at again because somebody else changed the same roles.
const ATTEMPTS: u32 = 10;

/// A module at a server.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) module: &'static str,
    /// For messages.
    pub(crate) address: &'a str,
    pub(crate) server: &'a PostgresServer,
}

impl Site<'_> {
    pub(crate) fn failed(&self, what: &str, cause: sqlx::Error) -> OpenError {
        OpenError::Failed {
            what: format!("{}: {what} at {}", self.module, self.address),
            cause,
        }
    }
}

/// Who is connected, and what it may.
#[derive(FromRow)]
struct Login {
    name: String,
    database: String,
    is_superuser: bool,
    makes_roles: bool,
    makes_schemas: bool,
    owns_database: bool,
    acts_as_owner: bool,
}

/// Whether migrations can run: roles and schema are there, and this login may act as the owner.
pub(crate) async fn is_founded(connection: &mut PgConnection, module: &str) -> Result<bool, sqlx::Error> {
    Ok(lacking(connection, roles::foundation(module)).await?.is_empty())
}

/// Makes what is missing. Answers what that was, or would be.
pub(crate) async fn provision(
    connection: &mut PgConnection,
    site: Site<'_>,
    options: &ProvisionOptions,
) -> Result<Vec<ProvisionedStep>, OpenError> {
    let mut attempt = 1;
    loop {
        require_free_names(connection, site).await?;
        let login = read_login(connection, site).await?;
        let steps = steps(site.module, &login, options);
        let mut missing = lacking(connection, steps)
            .await
            .map_err(|cause| site.failed("looking at roles and schema", cause))?;
        missing.extend(password(connection, site, &login, options).await?);
        if !options.dry_run && !missing.is_empty() {
            require_rights(site, &login, &missing)?;
            match carry_out(connection, site.module, &missing).await {
                Err((_, cause)) if is_touched_by_others(&cause) && attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                Err((step, cause)) => return Err(refused(site, &login, step, cause)),
                Ok(()) => {}
            }
        }
        return Ok(missing.into_iter().map(told).collect());
    }
}

/// Brings the rights that the owner grants up to date. The connection acts as the owner.
pub(crate) async fn grant_rights(connection: &mut PgConnection, module: &str) -> Result<(), sqlx::Error> {
    for step in lacking(connection, roles::rights(module)).await? {
        connection.execute(AssertSqlSafe(step.sql)).await?;
    }
    Ok(())
}

fn steps(module: &'static str, login: &Login, options: &ProvisionOptions) -> Vec<Step> {
    let mut steps = roles::foundation(module);
    if options.shared {
        steps.push(roles::acts_as(module, None));
    }
    if options.logins {
        steps.push(roles::logs_in(module));
    }
    let owner = owner_of(module);
    steps.extend(
        options
            .migrator
            .iter()
            .map(|migrator| roles::acts_as(&owner, Some(migrator))),
    );
    if options.own_database {
        let mut logins = vec![module];
        logins.extend(options.migrator.as_deref());
        if !login.is_superuser {
            logins.push(&login.name);
        }
        steps.extend(roles::own_database(&login.database, &logins));
    }
    steps.extend(roles::rights(module));
    steps
}

/// Those steps that have something to do.
async fn lacking(connection: &mut PgConnection, steps: Vec<Step>) -> Result<Vec<Step>, sqlx::Error> {
    let questions: Vec<_> = steps.iter().map(|step| format!("({})", step.lacks)).collect();
    let text = format!("SELECT ARRAY[{}]::boolean[]", questions.join(", "));
    let row: PgRow = connection.fetch_one(AssertSqlSafe(text)).await?;
    let lacks: Vec<Option<bool>> = row.try_get(0)?;
    let pairs = steps.into_iter().zip(lacks);
    Ok(pairs
        .filter(|(_, lacks)| lacks.unwrap_or(true))
        .map(|(step, _)| step)
        .collect())
}

/// The password, unless the server can be seen to keep this one.
async fn password(
    connection: &mut PgConnection,
    site: Site<'_>,
    login: &Login,
    options: &ProvisionOptions,
) -> Result<Option<Step>, OpenError> {
    let Some(password) = &options.password else {
        return Ok(None);
    };
    let module = site.module;
    // Only superusers may look. Others see it by logging in.
    if login.is_superuser {
        let kept: Option<Option<String>> = sqlx::query_scalar("SELECT rolpassword FROM pg_authid WHERE rolname = $1")
            .bind(module)
            .fetch_optional(&mut *connection)
            .await
            .map_err(|cause| site.failed("looking at what is kept of the password", cause))?;
        if kept
            .flatten()
            .is_some_and(|kept| secret::is_of(&kept, password.reveal()))
        {
            return Ok(None);
        }
    }
    if !login.is_superuser && site.server.knows(password.reveal()).await {
        return Ok(None);
    }
    let kept = secret::verifier(password.reveal());
    Ok(Some(Step {
        what: format!("set the password of `{module}`"),
        lacks: String::new(),
        sql: format!("ALTER ROLE {} PASSWORD {}", quoted(module), literal(&kept)),
        needs: Right::CreateRole,
    }))
}

async fn carry_out<'a>(
    connection: &mut PgConnection,
    module: &str,
    steps: &'a [Step],
) -> Result<(), (Option<&'a Step>, sqlx::Error)> {
    let done = in_transaction(connection, module, steps).await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute(end).await;
    done?;
    ended.map(drop).map_err(|cause| (None, cause))
}

async fn in_transaction<'a>(
    connection: &mut PgConnection,
    module: &str,
    steps: &'a [Step],
) -> Result<(), (Option<&'a Step>, sqlx::Error)> {
    connection.execute("BEGIN").await.map_err(|cause| (None, cause))?;
    let (as_owner, as_itself): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.needs == Right::Owner);
    for step in as_itself {
        let sql = AssertSqlSafe(step.sql.clone());
        connection.execute(sql).await.map_err(|cause| (Some(step), cause))?;
    }
    if let Some(first) = as_owner.first() {
        let act = format!("SET LOCAL ROLE {}", quoted(&owner_of(module)));
        connection
            .execute(AssertSqlSafe(act))
            .await
            .map_err(|cause| (Some(*first), cause))?;
    }
    for step in as_owner {
        let sql = AssertSqlSafe(step.sql.clone());
        connection.execute(sql).await.map_err(|cause| (Some(step), cause))?;
    }
    Ok(())
}

/// Somebody made or changed the same role at the same moment.
fn is_touched_by_others(cause: &sqlx::Error) -> bool {
    let code = cause.as_database_error().and_then(|answer| answer.code());
    // Exists already, as an object or in an index; "tuple concurrently updated"; deadlock.
    matches!(code.as_deref(), Some("42710" | "42P06" | "23505" | "XX000" | "40P01"))
}

fn told(step: Step) -> ProvisionedStep {
    // What a server keeps of a password is no password, and still nobody's business.
    let sql = match step.sql.split_once(" PASSWORD ") {
        Some((before, _)) => format!("{before} PASSWORD '***'"),
        None => step.sql,
    };
    ProvisionedStep { what: step.what, sql }
}

fn require_rights(site: Site<'_>, login: &Login, steps: &[Step]) -> Result<(), OpenError> {
    if login.is_superuser {
        return Ok(());
    }
    let will_act = steps.iter().any(|step| step.what.starts_with("let this login act as"));
    let name = roles::quoted_login(&login.name);
    for step in steps {
        let (may, cannot, remedy) = match step.needs {
            Right::CreateRole => (
                login.makes_roles,
                "has no right to create and grant roles (CREATEROLE)",
                format!("ALTER ROLE {name} CREATEROLE"),
            ),
            Right::CreateSchema => (
                login.makes_schemas,
                "has no right to make schemas in this database (CREATE)",
                format!(
                    "GRANT CREATE ON DATABASE {} TO {name}",
                    roles::quoted_login(&login.database)
                ),
            ),
            Right::Owner => (
                login.acts_as_owner || will_act,
                "may not act as the owner of the schema",
                format!("GRANT {} TO {name}", owner_of(site.module)),
            ),
            Right::Database => (
                login.owns_database,
                "does not own this database",
                format!(
                    "ALTER DATABASE {} OWNER TO {name}",
                    roles::quoted_login(&login.database)
                ),
            ),
        };
        if !may {
            return Err(OpenError::LacksRight {
                module: site.module,
                address: site.address.to_owned(),
                login: login.name.clone(),
                cannot,
                remedy,
            });
        }
    }
    Ok(())
}

fn refused(site: Site<'_>, login: &Login, step: Option<&Step>, cause: sqlx::Error) -> OpenError {
    let what = step.map_or_else(
        || "provisioning".to_owned(),
        |step| format!("as `{}`, what should have `{}`", login.name, step.what.replace('`', "")),
    );
    site.failed(&what, cause)
}

async fn read_login(connection: &mut PgConnection, site: Site<'_>) -> Result<Login, OpenError> {
    let owner = owner_of(site.module);
    sqlx::query_as(
        "SELECT l.rolname::text AS name, d.datname::text AS database, l.rolsuper AS is_superuser, \
                l.rolcreaterole AS makes_roles, \
                has_database_privilege(d.oid, 'CREATE') AS makes_schemas, \
                pg_has_role(d.datdba, 'MEMBER') AS owns_database, \
                COALESCE((SELECT pg_has_role(o.oid, 'MEMBER') FROM pg_roles o WHERE o.rolname = $1), false) AS acts_as_owner \
         FROM pg_roles l, pg_database d WHERE l.rolname = current_user AND d.datname = current_database()",
    )
    .bind(owner)
    .fetch_one(connection)
    .await
    .map_err(|cause| site.failed("looking at what the login may", cause))
}

/// Fails where the names that the module needs mean something else here, or its roles may more than they should.
async fn require_free_names(connection: &mut PgConnection, site: Site<'_>) -> Result<(), OpenError> {
    let (module, owner) = (site.module, owner_of(site.module));
    let mighty: Option<(String, String)> = sqlx::query_as(
        "SELECT r.rolname::text, concat_ws(', ', CASE WHEN r.rolsuper THEN 'is a superuser' END, \
                CASE WHEN r.rolcreaterole THEN 'may create roles' END, CASE WHEN r.rolcreatedb THEN 'may create databases' END, \
                CASE WHEN r.rolreplication THEN 'may replicate' END, CASE WHEN r.rolbypassrls THEN 'may bypass row security' END, \
                (SELECT 'may act as ' || string_agg(g.rolname, ', ' ORDER BY g.rolname) FROM pg_auth_members m \
                 JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)) AS mighty \
         FROM pg_roles r WHERE r.rolname IN ($1, $2) AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb \
                OR r.rolreplication OR r.rolbypassrls OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)) LIMIT 1",
    )
    .bind(module)
    .bind(owner.clone())
    .fetch_optional(&mut *connection)
    .await
    .map_err(|cause| site.failed("looking at the roles", cause))?;
    if let Some((role, powers)) = mighty {
        return Err(OpenError::MightyRole {
            module,
            address: site.address.to_owned(),
            role,
            powers,
        });
    }
    let stranger: Option<String> = sqlx::query_scalar(
        "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = $1 AND pg_get_userbyid(nspowner) <> $2",
    )
    .bind(module)
    .bind(owner.clone())
    .fetch_optional(connection)
    .await
    .map_err(|cause| site.failed("looking at the schema", cause))?;
    match stranger {
        None => Ok(()),
        Some(stranger) => Err(OpenError::ForeignSchema {
            module,
            address: site.address.to_owned(),
            owner: stranger,
            ours: owner,
        }),
    }
}
