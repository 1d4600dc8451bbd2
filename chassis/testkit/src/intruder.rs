//! Every way that comes to mind in which a module's login could reach beyond its own data on Postgres, tried out.
//!
//! Each attempt is a transaction that is rolled back, so that one that succeeds does no harm either. Knows no module:
//! the tables, columns and roles are read from the server.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::time::timeout;

/// What Postgres answers to who may not.
const DENIED: &str = "42501";
/// What it answers where a schema that may not be used is left out of the search path.
const NOT_THERE: &str = "42P01";

/// How long an attempt may take. None that is denied takes a hundredth.
const PATIENCE: Duration = Duration::from_secs(5);

/// One table of a module, and one of its columns.
#[derive(Debug, Clone)]
struct Table {
    schema: String,
    name: String,
    column: String,
}

/// SQL, and how its last statement must fail.
struct Attempt {
    sql: String,
    answer: &'static str,
}

/// Logs in as each of `modules`, with `password`, and tries to reach the others' data, to change its own schema and to
/// become somebody else. Answers what was not denied, or not for want of a right; none where the database keeps every
/// module to its own rows.
///
/// `url` is of a superuser. Fails the test if a module cannot do its own work: then denials would prove nothing.
pub async fn breaches(url: &str, modules: &[&str], password: &str) -> Vec<String> {
    let administrator: PgConnectOptions = url.parse().expect("a Postgres URL");
    let mut connection = PgConnection::connect_with(&administrator)
        .await
        .expect("the server answers");
    let mut tables = Vec::new();
    for module in modules {
        let own = tables_of(&mut connection, module).await;
        assert!(own.len() > 2, "{module} has no tables of its own: {own:?}");
        tables.extend(own);
    }
    let mut found = Vec::new();
    for module in modules {
        let login = administrator.clone().username(module).password(password);
        let mut intruder = PgConnection::connect_with(&login)
            .await
            .unwrap_or_else(|error| panic!("{module} cannot log in: {error}"));
        does_its_work(&mut intruder, module, &tables).await;
        for attempt in attempts(module, modules, &tables) {
            if let Some(breach) = carry_out(&mut intruder, &login, &attempt).await {
                found.push(format!("{module}: {}: {breach}", attempt.sql));
            }
        }
    }
    found
}

async fn tables_of(connection: &mut PgConnection, module: &str) -> Vec<Table> {
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
    .expect("the catalogs can be read");
    let table = |(schema, name, column)| Table { schema, name, column };
    rows.into_iter().map(table).collect()
}

/// What a module may: read all its tables, change all but two, and begin a transaction.
async fn does_its_work(connection: &mut PgConnection, module: &str, tables: &[Table]) {
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

/// What was wrong with the answer, if anything. Copying has messages of its own: whoever may is answered with data, or
/// waited for, which ends the connection.
async fn carry_out(connection: &mut PgConnection, login: &PgConnectOptions, attempt: &Attempt) -> Option<String> {
    // Whatever the attempt before left behind goes first.
    let sql = format!("ROLLBACK; RESET ROLE; RESET search_path; BEGIN; {}", attempt.sql);
    let sql = AssertSqlSafe(sql);
    let tried = timeout(PATIENCE, sqlx::raw_sql(sql).execute(&mut *connection)).await;
    let tried = match tried {
        Ok(Err(sqlx::Error::Database(answer))) => Err(answer),
        Ok(Ok(_)) => Ok(()),
        // No answer, or one with data.
        Ok(Err(_)) | Err(_) => {
            *connection = PgConnection::connect_with(login).await.expect("the server answers");
            Ok(())
        }
    };
    match tried {
        Ok(()) => Some("was not denied".to_owned()),
        Err(answer) if answer.code().as_deref() == Some(attempt.answer) => None,
        Err(answer) => Some(format!("{} was expected, not: {answer}", attempt.answer)),
    }
}

fn attempts(module: &str, modules: &[&str], tables: &[Table]) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut denied = |sql: String| attempts.push(Attempt { sql, answer: DENIED });
    for sql in becoming_more(module) {
        denied(sql);
    }
    let (own, others): (Vec<_>, Vec<_>) = tables.iter().partition(|table| table.schema == module);
    for table in own {
        for sql in changing_own(table) {
            denied(sql);
        }
    }
    let mut seen = BTreeSet::new();
    for table in &others {
        let first = seen.insert(table.schema.as_str()).then(|| more_ways_out(module, table));
        for sql in ways_out(module, table).into_iter().chain(first.unwrap_or_default()) {
            denied(sql);
        }
    }
    for other in modules.iter().filter(|other| **other != module) {
        for sql in reaching_into(module, other) {
            denied(sql);
        }
    }
    // No right to a schema leaves it out of the search path: its tables are not there.
    for Table { schema, name, .. } in others {
        attempts.push(Attempt {
            sql: format!("SET LOCAL search_path TO {schema}; SELECT * FROM {name}"),
            answer: NOT_THERE,
        });
    }
    attempts
}

/// To another module's table: what a grant could let through.
fn ways_out(module: &str, table: &Table) -> Vec<String> {
    let Table { schema, name, column } = table;
    let it = format!("{schema}.{name}");
    vec![
        format!("SELECT * FROM {it}"),
        format!("INSERT INTO {it} DEFAULT VALUES"),
        format!("UPDATE {it} SET {column} = {column}"),
        format!("DELETE FROM {it}"),
        format!("TRUNCATE {it}"),
        format!("COPY {it} TO STDOUT"),
        format!("COPY {it} FROM STDIN"),
        format!("ALTER TABLE {it} OWNER TO {module}"),
        format!("DROP TABLE {it}"),
    ]
}

/// The same by detours, which are the same for every table of a schema.
fn more_ways_out(module: &str, table: &Table) -> Vec<String> {
    let Table { schema, name, column } = table;
    let it = format!("{schema}.{name}");
    vec![
        format!("RESET ROLE; SELECT * FROM {it}"),
        format!("SET LOCAL search_path TO {schema}, {module}; SELECT count(*) FROM {it}"),
        format!("SELECT (SELECT count(*) FROM {it}) FROM {module}.offshoot_owner"),
        format!("DO $$ BEGIN EXECUTE 'SELECT count(*) FROM {it}'; END $$"),
        format!("SELECT query_to_xml('SELECT * FROM {it}', false, false, '')"),
        format!("COPY (SELECT * FROM {it}) TO STDOUT"),
        format!("LOCK TABLE {it} IN ACCESS SHARE MODE"),
        format!("ALTER TABLE {it} ADD COLUMN intruder text"),
        format!("ALTER TABLE {it} DISABLE TRIGGER USER"),
        format!("CREATE INDEX ON {it} ({column})"),
        format!(
            "CREATE TRIGGER intruder BEFORE UPDATE ON {it} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        format!("CREATE VIEW {module}.intruder AS SELECT * FROM {it}"),
        format!("GRANT ALL ON {it} TO {module}"),
    ]
}

/// Another module's schema and roles.
fn reaching_into(module: &str, other: &str) -> Vec<String> {
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

/// The module's own table: rows are its work, the table is not.
fn changing_own(table: &Table) -> Vec<String> {
    let Table { schema, name, column } = table;
    let it = format!("{schema}.{name}");
    let mut attempts = vec![
        format!("ALTER TABLE {it} ADD COLUMN intruder text"),
        format!("ALTER TABLE {it} DISABLE TRIGGER USER"),
        format!("ALTER TABLE {it} OWNER TO {schema}"),
        format!("DROP TABLE {it}"),
        format!("TRUNCATE {it}"),
        format!("CREATE INDEX ON {it} ({column})"),
        format!(
            "CREATE TRIGGER intruder BEFORE UPDATE ON {it} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        format!("CREATE RULE intruder AS ON DELETE TO {it} DO INSTEAD NOTHING"),
        format!("ALTER TABLE {it} ENABLE ROW LEVEL SECURITY"),
    ];
    // Who owns the data, and what was migrated, is guarded against the module itself.
    if ["offshoot_owner", "offshoot_migrations"].contains(&name.as_str()) {
        attempts.push(format!("INSERT INTO {it} DEFAULT VALUES"));
        attempts.push(format!("UPDATE {it} SET {column} = {column}"));
        attempts.push(format!("DELETE FROM {it}"));
        attempts.push(format!("SELECT * FROM {it} FOR UPDATE"));
    }
    attempts
}

/// Things that no module does, and ways to rights that it has not.
fn becoming_more(module: &str) -> Vec<String> {
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
