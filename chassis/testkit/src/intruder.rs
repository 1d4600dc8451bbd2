//! Intruder: logs in as a module on Postgres and attempts every known way to reach beyond the module's own data.
//!
//! Each attempt runs in a transaction that is rolled back, so a successful attempt does no harm. The intruder must not
//! know any module: tables, columns and roles are read from the server.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::time::timeout;

/// SQLSTATE `insufficient_privilege`.
const DENIED: &str = "42501";
/// SQLSTATE `undefined_table`: Postgres skips a schema in the search path if the login lacks USAGE.
const UNDEFINED_TABLE: &str = "42P01";

/// Timeout of one attempt. A denied attempt takes less than a hundredth of this time.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// One table, with one of its columns.
#[derive(Debug, Clone)]
struct Table {
    schema: String,
    name: String,
    column: String,
}

/// SQL of an attempt, and the SQLSTATE with which its last statement must fail.
struct Attempt {
    sql: String,
    expected_code: &'static str,
}

/// Logs in as each of `modules` with `password`, and attempts to reach other modules' data, to change the module's own
/// schema and to gain rights. Returns every attempt that was not denied, or failed with another error; empty if the
/// database confines each module to its own rows.
///
/// `url` must have a superuser login. Panics if a module cannot do its normal work: denials would then prove nothing.
pub async fn find_breaches(url: &str, modules: &[&str], password: &str) -> Vec<String> {
    let administrator: PgConnectOptions = url.parse().expect("the URL is a valid Postgres URL");
    let mut connection = PgConnection::connect_with(&administrator)
        .await
        .expect("the server answers");
    let mut tables = Vec::new();
    for module in modules {
        let own = list_tables(&mut connection, module).await;
        assert!(own.len() > 2, "{module} has no tables of its own: {own:?}");
        tables.extend(own);
    }
    let mut found = Vec::new();
    for module in modules {
        let login = administrator.clone().username(module).password(password);
        let mut intruder = PgConnection::connect_with(&login)
            .await
            .unwrap_or_else(|error| panic!("{module} cannot log in: {error}"));
        assert_can_work(&mut intruder, module, &tables).await;
        for attempt in attempts(module, modules, &tables) {
            if let Some(breach) = run_attempt(&mut intruder, &login, &attempt).await {
                found.push(format!("{module}: {}: {breach}", attempt.sql));
            }
        }
    }
    found
}

async fn list_tables(connection: &mut PgConnection, module: &str) -> Vec<Table> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT n.nspname::text, c.relname::text, \
                (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 \
                 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = '' ORDER BY a.attnum LIMIT 1) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY 2",
    )
    .bind(module)
    .fetch_all(connection)
    .await
    .expect("the system catalogs are readable");
    let table = |(schema, name, column)| Table { schema, name, column };
    rows.into_iter().map(table).collect()
}

/// Asserts that a module can read all its tables, write all but two, and begin a transaction.
async fn assert_can_work(connection: &mut PgConnection, module: &str, tables: &[Table]) {
    let mut work = format!("BEGIN; SELECT * FROM {module}.offshoot_begin(NULL, 0);");
    for Table { schema, name, column } in tables.iter().filter(|table| table.schema == module) {
        let _ = write!(work, "SELECT count(*) FROM {schema}.{name};");
        if !["offshoot_owner", "offshoot_migrations"].contains(&name.as_str()) {
            let _ = write!(work, "UPDATE {schema}.{name} SET {column} = {column} WHERE false;");
            let _ = write!(work, "DELETE FROM {schema}.{name} WHERE false;");
        }
    }
    work.push_str("ROLLBACK");
    let worked = sqlx::raw_sql(AssertSqlSafe(work)).execute(connection).await;
    worked.unwrap_or_else(|error| panic!("{module} cannot do its own work: {error}"));
}

/// Runs an attempt. Returns the breach, if any. A permitted COPY sends data or waits for data and does not end as a
/// statement, so the connection is then replaced.
async fn run_attempt(connection: &mut PgConnection, login: &PgConnectOptions, attempt: &Attempt) -> Option<String> {
    // Clears leftovers of the previous attempt first.
    let sql = format!("ROLLBACK; RESET ROLE; RESET search_path; BEGIN; {}", attempt.sql);
    let sql = AssertSqlSafe(sql);
    let tried = timeout(ATTEMPT_TIMEOUT, sqlx::raw_sql(sql).execute(&mut *connection)).await;
    let tried = match tried {
        Ok(Err(sqlx::Error::Database(error))) => Err(error),
        Ok(Ok(_)) => Ok(()),
        // A timeout, or a COPY response: the attempt was permitted.
        Ok(Err(_)) | Err(_) => {
            *connection = PgConnection::connect_with(login).await.expect("the server answers");
            Ok(())
        }
    };
    match tried {
        Ok(()) => Some("was not denied".to_owned()),
        Err(error) if error.code().as_deref() == Some(attempt.expected_code) => None,
        Err(error) => Some(format!("{} was expected, got: {error}", attempt.expected_code)),
    }
}

fn attempts(module: &str, modules: &[&str], tables: &[Table]) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut denied = |sql: String| {
        attempts.push(Attempt {
            sql,
            expected_code: DENIED,
        });
    };
    for sql in escalation_attempts(module) {
        denied(sql);
    }
    let (own, others): (Vec<_>, Vec<_>) = tables.iter().partition(|table| table.schema == module);
    for table in own {
        for sql in own_table_attempts(table) {
            denied(sql);
        }
    }
    let mut seen = BTreeSet::new();
    for table in &others {
        let first = seen
            .insert(table.schema.as_str())
            .then(|| indirect_attempts(module, table));
        for sql in table_attempts(module, table)
            .into_iter()
            .chain(first.unwrap_or_default())
        {
            denied(sql);
        }
    }
    for other in modules.iter().filter(|other| **other != module) {
        for sql in schema_and_role_attempts(module, other) {
            denied(sql);
        }
    }
    // Without USAGE on a schema, the search path skips the schema and its tables are undefined.
    for Table { schema, name, .. } in others {
        attempts.push(Attempt {
            sql: format!("SET LOCAL search_path TO {schema}; SELECT * FROM {name}"),
            expected_code: UNDEFINED_TABLE,
        });
    }
    attempts
}

/// Attempts on another module's table that a wrong grant could permit.
fn table_attempts(module: &str, table: &Table) -> Vec<String> {
    let Table { schema, name, column } = table;
    let target = format!("{schema}.{name}");
    vec![
        format!("SELECT * FROM {target}"),
        format!("INSERT INTO {target} DEFAULT VALUES"),
        format!("UPDATE {target} SET {column} = {column}"),
        format!("DELETE FROM {target}"),
        format!("TRUNCATE {target}"),
        format!("COPY {target} TO STDOUT"),
        format!("COPY {target} FROM STDIN"),
        format!("ALTER TABLE {target} OWNER TO {module}"),
        format!("DROP TABLE {target}"),
    ]
}

/// Indirect attempts on a table, tried once per schema.
fn indirect_attempts(module: &str, table: &Table) -> Vec<String> {
    let Table { schema, name, column } = table;
    let target = format!("{schema}.{name}");
    vec![
        format!("RESET ROLE; SELECT * FROM {target}"),
        format!("SET LOCAL search_path TO {schema}, {module}; SELECT count(*) FROM {target}"),
        format!("SELECT (SELECT count(*) FROM {target}) FROM {module}.offshoot_owner"),
        format!("DO $$ BEGIN EXECUTE 'SELECT count(*) FROM {target}'; END $$"),
        format!("SELECT query_to_xml('SELECT * FROM {target}', false, false, '')"),
        format!("COPY (SELECT * FROM {target}) TO STDOUT"),
        format!("LOCK TABLE {target} IN ACCESS SHARE MODE"),
        format!("ALTER TABLE {target} ADD COLUMN intruder text"),
        format!("ALTER TABLE {target} DISABLE TRIGGER USER"),
        format!("CREATE INDEX ON {target} ({column})"),
        format!(
            "CREATE TRIGGER intruder BEFORE UPDATE ON {target} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        format!("CREATE VIEW {module}.intruder AS SELECT * FROM {target}"),
        format!("GRANT ALL ON {target} TO {module}"),
    ]
}

/// Attempts on another module's schema and roles.
fn schema_and_role_attempts(module: &str, other: &str) -> Vec<String> {
    vec![
        format!("CREATE TABLE {other}.intruder (id bigint)"),
        format!("CREATE FUNCTION {other}.intruder() RETURNS integer LANGUAGE sql AS 'SELECT 1'"),
        format!("SELECT * FROM {other}.offshoot_begin(NULL, 0)"),
        format!("GRANT ALL ON SCHEMA {other} TO {module}"),
        format!("ALTER SCHEMA {other} RENAME TO intruder"),
        format!("DROP SCHEMA {other} CASCADE"),
        format!("SET ROLE {other}"),
        format!("SET ROLE {other}_owner"),
        format!("RESET ROLE; SET ROLE {other}"),
        format!("SET SESSION AUTHORIZATION {other}"),
        format!("GRANT {other} TO {module}"),
        format!("GRANT {other}_owner TO {module}"),
        format!("ALTER ROLE {other} PASSWORD 'intruder'"),
        format!("REASSIGN OWNED BY {other}_owner TO {module}"),
    ]
}

/// Attempts to change the module's own tables. The module may write rows, but not change the tables.
fn own_table_attempts(table: &Table) -> Vec<String> {
    let Table { schema, name, column } = table;
    let target = format!("{schema}.{name}");
    let mut attempts = vec![
        format!("ALTER TABLE {target} ADD COLUMN intruder text"),
        format!("ALTER TABLE {target} DISABLE TRIGGER USER"),
        format!("ALTER TABLE {target} OWNER TO {schema}"),
        format!("DROP TABLE {target}"),
        format!("TRUNCATE {target}"),
        format!("CREATE INDEX ON {target} ({column})"),
        format!(
            "CREATE TRIGGER intruder BEFORE UPDATE ON {target} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        format!("CREATE RULE intruder AS ON DELETE TO {target} DO INSTEAD NOTHING"),
        format!("ALTER TABLE {target} ENABLE ROW LEVEL SECURITY"),
    ];
    // The owner row and the migration history are protected from the module itself.
    if ["offshoot_owner", "offshoot_migrations"].contains(&name.as_str()) {
        attempts.push(format!("INSERT INTO {target} DEFAULT VALUES"));
        attempts.push(format!("UPDATE {target} SET {column} = {column}"));
        attempts.push(format!("DELETE FROM {target}"));
        attempts.push(format!("SELECT * FROM {target} FOR UPDATE"));
    }
    attempts
}

/// Attempts to gain rights beyond those of a module.
fn escalation_attempts(module: &str) -> Vec<String> {
    let own = [
        "CREATE TABLE {m}.intruder (id bigint)",
        "CREATE VIEW {m}.intruder AS SELECT 1 AS one",
        "CREATE SEQUENCE {m}.intruder",
        "CREATE TYPE {m}.intruder AS (one integer)",
        "CREATE FUNCTION {m}.intruder() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION {m}.offshoot_begin(call_scope bytea, now_micros bigint) \
         RETURNS TABLE (role text, epoch bigint, arguments bytea, answer text) LANGUAGE sql \
         AS $$ SELECT 'open', 1::bigint, NULL::bytea, NULL $$",
        "ALTER FUNCTION {m}.offshoot_begin(bytea, bigint) RENAME TO intruder",
        "DROP FUNCTION {m}.offshoot_begin(bytea, bigint)",
        "DROP SCHEMA {m} CASCADE",
        "ALTER SCHEMA {m} OWNER TO {m}",
        "SET ROLE {m}_owner",
        "RESET ROLE; SET ROLE {m}_owner",
        "SET SESSION AUTHORIZATION {m}_owner",
        "GRANT {m}_owner TO {m}",
        "SET ROLE pg_read_all_data",
        "ALTER ROLE {m} SUPERUSER",
        "ALTER ROLE {m} CREATEROLE",
        "CREATE ROLE intruder",
        "CREATE SCHEMA intruder",
        "CREATE TABLE public.intruder (id bigint)",
        "CREATE TEMPORARY TABLE intruder (id bigint)",
        "SET session_replication_role TO replica",
        "SET LOCAL session_replication_role TO replica",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {m}_owner GRANT ALL ON TABLES TO {m}",
    ];
    own.iter().map(|sql| sql.replace("{m}", module)).collect()
}
