//! Executes the missing provisioning steps of a module, after a check of every step.
//!
//! All steps of one module run in one transaction. Roles belong to the server, so provisioning of another database may
//! change the same roles at the same time; the steps are then checked and executed again.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor, Row as _};

use crate::open_error::OpenError;
use crate::postgres::roles::{self, Privilege, Step, owner_role, quote_literal};
use crate::postgres::{PostgresServer, ProvisionOptions, ProvisionedStep, quote_plain_name, scram};

/// Attempts while other processes change the same roles.
const ATTEMPTS: u32 = 10;

/// The module to provision, and the server.
#[derive(Clone, Copy)]
pub(crate) struct ProvisioningTarget<'a> {
    pub(crate) module: &'static str,
    /// `host:port/database`, for messages.
    pub(crate) address: &'a str,
    pub(crate) server: &'a PostgresServer,
}

impl ProvisioningTarget<'_> {
    pub(crate) fn failed(&self, operation: &str, cause: sqlx::Error) -> OpenError {
        OpenError::Failed {
            operation: format!("{}: {operation} at {}", self.module, self.address),
            cause,
        }
    }
}

crate::row! {
    postgres:
    /// The connected login and its privileges.
    struct ConnectedLogin {
        name: String,
        database: String,
        is_superuser: bool,
        makes_roles: bool,
        makes_schemas: bool,
        owns_database: bool,
        acts_as_owner: bool,
    }
}

/// Whether migrations can run: roles and schema exist, and this login may act as the owner.
pub(crate) async fn has_roles_and_schema(connection: &mut PgConnection, module: &str) -> Result<bool, sqlx::Error> {
    Ok(find_missing(connection, roles::roles_and_schema(module))
        .await?
        .is_empty())
}

/// Executes the missing steps, unless `dry_run` is set. Returns the missing steps.
pub(crate) async fn provision(
    connection: &mut PgConnection,
    target: ProvisioningTarget<'_>,
    options: &ProvisionOptions,
) -> Result<Vec<ProvisionedStep>, OpenError> {
    let mut attempt = 1;
    loop {
        require_available_names(connection, target).await?;
        let login = read_login(connection, target).await?;
        let steps = required_steps(target.module, &login, options);
        let mut missing = find_missing(connection, steps)
            .await
            .map_err(|cause| target.failed("inspecting roles and schema", cause))?;
        missing.extend(password_step(connection, target, &login, options).await?);
        if !options.dry_run && !missing.is_empty() {
            require_privileges(target, &login, &missing)?;
            match execute_steps(connection, target.module, &missing).await {
                Err((_, cause)) if is_concurrent_change(&cause) && attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                Err((step, cause)) => return Err(step_failed(target, &login, step, cause)),
                Ok(()) => {}
            }
        }
        return Ok(missing.into_iter().map(to_provisioned_step).collect());
    }
}

/// Brings the privileges that the owner grants up to date. The connection must act as the owner.
pub(crate) async fn grant_privileges(connection: &mut PgConnection, module: &str) -> Result<(), sqlx::Error> {
    for step in find_missing(connection, roles::privileges(module)).await? {
        connection.execute(AssertSqlSafe(step.sql)).await?;
    }
    Ok(())
}

fn required_steps(module: &'static str, login: &ConnectedLogin, options: &ProvisionOptions) -> Vec<Step> {
    let mut steps = roles::roles_and_schema(module);
    if options.shared {
        steps.push(roles::grant_role(module, None));
    }
    if options.logins {
        steps.push(roles::allow_login(module));
    }
    let owner = owner_role(module);
    steps.extend(
        options
            .migrator
            .iter()
            .map(|migrator| roles::grant_role(&owner, Some(migrator))),
    );
    if options.own_database {
        let mut logins = vec![module];
        logins.extend(options.migrator.as_deref());
        if !login.is_superuser {
            logins.push(&login.name);
        }
        steps.extend(roles::restrict_database(&login.database, &logins));
    }
    steps.extend(roles::privileges(module));
    steps
}

/// Returns the steps whose condition does not hold.
async fn find_missing(connection: &mut PgConnection, steps: Vec<Step>) -> Result<Vec<Step>, sqlx::Error> {
    let checks: Vec<_> = steps.iter().map(|step| format!("({})", step.missing)).collect();
    let text = format!("SELECT ARRAY[{}]::boolean[]", checks.join(", "));
    let row: PgRow = connection.fetch_one(AssertSqlSafe(text)).await?;
    let missing: Vec<Option<bool>> = row.try_get(0)?;
    let pairs = steps.into_iter().zip(missing);
    Ok(pairs
        .filter(|(_, missing)| missing.unwrap_or(true))
        .map(|(step, _)| step)
        .collect())
}

/// The step that sets the password; none if the server is known to have this password.
async fn password_step(
    connection: &mut PgConnection,
    target: ProvisioningTarget<'_>,
    login: &ConnectedLogin,
    options: &ProvisionOptions,
) -> Result<Option<Step>, OpenError> {
    let Some(password) = &options.password else {
        return Ok(None);
    };
    let module = target.module;
    // Only a superuser can read the verifier. Other logins test the password by logging in.
    if login.is_superuser {
        let stored: Option<Option<String>> = sqlx::query_scalar("SELECT rolpassword FROM pg_authid WHERE rolname = $1")
            .bind(module)
            .fetch_optional(&mut *connection)
            .await
            .map_err(|cause| target.failed("reading the verifier of the password", cause))?;
        if stored
            .flatten()
            .is_some_and(|stored| scram::is_verifier_of(&stored, password.reveal()))
        {
            return Ok(None);
        }
    }
    if !login.is_superuser && target.server.accepts_only_password(password.reveal()).await {
        return Ok(None);
    }
    let verifier = scram::new_verifier(password.reveal());
    Ok(Some(Step {
        description: format!("set the password of `{module}`"),
        missing: String::new(),
        sql: format!(
            "ALTER ROLE {} PASSWORD {}",
            quote_plain_name(module),
            quote_literal(&verifier)
        ),
        needs: Privilege::CreateRole,
    }))
}

async fn execute_steps<'a>(
    connection: &mut PgConnection,
    module: &str,
    steps: &'a [Step],
) -> Result<(), (Option<&'a Step>, sqlx::Error)> {
    let done = execute_in_transaction(connection, module, steps).await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute(end).await;
    done?;
    ended.map(drop).map_err(|cause| (None, cause))
}

async fn execute_in_transaction<'a>(
    connection: &mut PgConnection,
    module: &str,
    steps: &'a [Step],
) -> Result<(), (Option<&'a Step>, sqlx::Error)> {
    connection.execute("BEGIN").await.map_err(|cause| (None, cause))?;
    let (as_owner, as_login): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.needs == Privilege::SchemaOwner);
    for step in as_login {
        let sql = AssertSqlSafe(step.sql.clone());
        connection.execute(sql).await.map_err(|cause| (Some(step), cause))?;
    }
    if let Some(first) = as_owner.first() {
        let set_role = format!("SET LOCAL ROLE {}", quote_plain_name(&owner_role(module)));
        connection
            .execute(AssertSqlSafe(set_role))
            .await
            .map_err(|cause| (Some(*first), cause))?;
    }
    for step in as_owner {
        let sql = AssertSqlSafe(step.sql.clone());
        connection.execute(sql).await.map_err(|cause| (Some(step), cause))?;
    }
    Ok(())
}

/// Whether another process created or changed the same role at the same moment.
fn is_concurrent_change(cause: &sqlx::Error) -> bool {
    let code = cause.as_database_error().and_then(|error| error.code());
    // The object or its index entry exists already; "tuple concurrently updated"; deadlock.
    matches!(code.as_deref(), Some("42710" | "42P06" | "23505" | "XX000" | "40P01"))
}

fn to_provisioned_step(step: Step) -> ProvisionedStep {
    // A verifier is not the password, but allows offline guessing.
    let sql = match step.sql.split_once(" PASSWORD ") {
        Some((before, _)) => format!("{before} PASSWORD '***'"),
        None => step.sql,
    };
    ProvisionedStep {
        description: step.description,
        sql,
    }
}

fn require_privileges(target: ProvisioningTarget<'_>, login: &ConnectedLogin, steps: &[Step]) -> Result<(), OpenError> {
    if login.is_superuser {
        return Ok(());
    }
    let becomes_owner = steps
        .iter()
        .any(|step| step.description.starts_with("allowed this login to act as"));
    let name = roles::quote_identifier(&login.name);
    for step in steps {
        let (is_allowed, problem, remedy) = match step.needs {
            Privilege::CreateRole => (
                login.makes_roles,
                "has no right to create and grant roles (CREATEROLE)",
                format!("ALTER ROLE {name} CREATEROLE"),
            ),
            Privilege::CreateSchema => (
                login.makes_schemas,
                "has no right to create schemas in this database (CREATE)",
                format!(
                    "GRANT CREATE ON DATABASE {} TO {name}",
                    roles::quote_identifier(&login.database)
                ),
            ),
            Privilege::SchemaOwner => (
                login.acts_as_owner || becomes_owner,
                "may not act as the owner of the schema",
                format!("GRANT {} TO {name}", owner_role(target.module)),
            ),
            Privilege::DatabaseOwner => (
                login.owns_database,
                "does not own this database",
                format!(
                    "ALTER DATABASE {} OWNER TO {name}",
                    roles::quote_identifier(&login.database)
                ),
            ),
        };
        if !is_allowed {
            return Err(OpenError::MissingPrivilege {
                module: target.module,
                address: target.address.to_owned(),
                login: login.name.clone(),
                problem,
                remedy,
            });
        }
    }
    Ok(())
}

fn step_failed(
    target: ProvisioningTarget<'_>,
    login: &ConnectedLogin,
    step: Option<&Step>,
    cause: sqlx::Error,
) -> OpenError {
    let operation = step.map_or_else(
        || "provisioning".to_owned(),
        |step| {
            let description = step.description.replace('`', "");
            format!("the step `{description}` as the login `{}`", login.name)
        },
    );
    target.failed(&operation, cause)
}

async fn read_login(
    connection: &mut PgConnection,
    target: ProvisioningTarget<'_>,
) -> Result<ConnectedLogin, OpenError> {
    let owner = owner_role(target.module);
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
    .map_err(|cause| target.failed("reading the privileges of the login", cause))
}

/// Fails if the schema name is taken by another owner, or if an existing role with the module's name has more
/// privileges than a module's role may have.
async fn require_available_names(
    connection: &mut PgConnection,
    target: ProvisioningTarget<'_>,
) -> Result<(), OpenError> {
    let (module, owner) = (target.module, owner_role(target.module));
    let overprivileged: Option<(String, String)> = sqlx::query_as(
        "SELECT r.rolname::text, concat_ws(', ', CASE WHEN r.rolsuper THEN 'is a superuser' END, \
                CASE WHEN r.rolcreaterole THEN 'may create roles' END, CASE WHEN r.rolcreatedb THEN 'may create databases' END, \
                CASE WHEN r.rolreplication THEN 'may replicate' END, CASE WHEN r.rolbypassrls THEN 'may bypass row security' END, \
                (SELECT 'may act as ' || string_agg(g.rolname, ', ' ORDER BY g.rolname) FROM pg_auth_members m \
                 JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)) AS privileges \
         FROM pg_roles r WHERE r.rolname IN ($1, $2) AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb \
                OR r.rolreplication OR r.rolbypassrls OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)) LIMIT 1",
    )
    .bind(module)
    .bind(owner.clone())
    .fetch_optional(&mut *connection)
    .await
    .map_err(|cause| target.failed("inspecting the roles", cause))?;
    if let Some((role, privileges)) = overprivileged {
        return Err(OpenError::OverprivilegedRole {
            module,
            address: target.address.to_owned(),
            role,
            privileges,
        });
    }
    let other_owner: Option<String> = sqlx::query_scalar(
        "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = $1 AND pg_get_userbyid(nspowner) <> $2",
    )
    .bind(module)
    .bind(owner.clone())
    .fetch_optional(connection)
    .await
    .map_err(|cause| target.failed("inspecting the schema", cause))?;
    match other_owner {
        None => Ok(()),
        Some(other_owner) => Err(OpenError::ForeignSchema {
            module,
            address: target.address.to_owned(),
            owner: other_owner,
            expected_owner: owner,
        }),
    }
}
