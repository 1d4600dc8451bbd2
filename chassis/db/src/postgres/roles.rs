//! A module's schema and its two roles. Runs as the login that migrates, which may create roles and schemas.
//!
//! `<m>_owner` owns the schema and runs migrations. `<m>` works: it reads and writes rows, makes nothing, and reaches
//! no other module's schema. Roles belong to the whole server, so two databases on it share them.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::postgres::quoted;

/// Makes roles, schema and default privileges where they are missing, and continues as the schema's owner.
pub(crate) async fn prepare_schema(connection: &mut PgConnection, module: &str) -> Result<(), sqlx::Error> {
    let owner = format!("{module}_owner");
    for role in [module, &owner] {
        connection.execute(AssertSqlSafe(create_role(role))).await?;
    }
    let (owner, runtime) = (quoted(&owner), quoted(module));
    let schema = &runtime;
    let text = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner};
         SET ROLE {owner};
         SET search_path TO {schema};
         REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
         GRANT USAGE ON SCHEMA {schema} TO {runtime};
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime};
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {runtime};
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT EXECUTE ON FUNCTIONS TO {runtime};"
    );
    connection.execute(AssertSqlSafe(text)).await.map(drop)
}

/// Gives the runtime role every table. Who owns the data and what was migrated it only reads.
///
/// Sent as one message, so it is one transaction and nobody sees it half done.
pub(crate) fn grant_to_runtime(module: &str) -> String {
    let runtime = quoted(module);
    let schema = &runtime;
    format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {runtime};
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {runtime};
         REVOKE INSERT, UPDATE, DELETE ON offshoot_owner, offshoot_migrations FROM {runtime};"
    )
}

/// Creates a role that no one logs in as, and lets this login act as it. Another migrator, of another database on
/// this server, may be doing the same.
fn create_role(role: &str) -> String {
    let name = quoted(role);
    format!(
        "DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                BEGIN
                    CREATE ROLE {name} NOLOGIN;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN
                    NULL;
                END;
            END IF;
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                BEGIN
                    GRANT {name} TO CURRENT_USER;
                EXCEPTION WHEN insufficient_privilege THEN
                    -- Someone else made the role. Whether we may act as it shows with the next statement.
                    NULL;
                END;
            END IF;
        END $$"
    )
}
