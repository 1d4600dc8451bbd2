//! SQL that differs between the engines, beside SQL that does not.

use crate::found;

/// Violations of one statement in a module.
fn found_in(text: &str) -> Vec<String> {
    let code = format!("fn f() {{\n    sql!({text});\n}}");
    let found = found(&[("modules/a/src/store.rs", &code)]);
    let place = "modules/a/src/store.rs:2: engines: ";
    let messages = found
        .iter()
        .map(|found| found.strip_prefix(place).unwrap_or(found).to_owned());
    messages.collect()
}

#[test]
fn words_that_the_engines_understand_differently_are_found_in_a_shared_text() {
    for (sql, beginning) in [
        ("SELECT sum(x) FROM t", "`sum` of a bigint is numeric on Postgres"),
        ("SELECT COALESCE(CAST(y AS bigint), sum(x)) FROM t", "`sum` of a bigint"),
        ("SELECT avg(x) FROM t", "`avg` is numeric on Postgres"),
        ("SELECT x FROM t WHERE x LIKE 'a%'", "`like` ignores the case"),
        ("SELECT lower(x) FROM t", "`lower` changes only ASCII"),
        ("SELECT upper (x) FROM t", "`upper` changes only ASCII"),
        ("SELECT random() FROM t", "`random` is a float"),
        (
            "UPDATE t SET at = current_timestamp",
            "`current_timestamp` is a text on SQLite",
        ),
        ("SELECT CAST(x AS integer) FROM t", "`as integer` has 32 bits"),
        ("SELECT CAST(x AS INT) FROM t", "`as int` has 32 bits"),
    ] {
        let found = found_in(&format!("\"{sql}\""));
        assert!(found.len() == 1 && found[0].starts_with(beginning), "{sql}: {found:?}");
    }
}

#[test]
fn words_of_one_engine_are_found_outside_of_its_text() {
    for (sql, phrase) in [
        ("SELECT unhex(x) FROM t", "unhex"),
        ("SELECT ifnull(x, 1) FROM t", "ifnull"),
        ("SELECT rowid FROM t", "rowid"),
        ("INSERT OR IGNORE INTO t VALUES (1)", "insert or"),
        ("REPLACE INTO t VALUES (1)", "replace into"),
    ] {
        let message =
            format!("`{phrase}` exists on SQLite alone: write a text for each engine, this one after `sqlite:`");
        assert_eq!(found_in(&format!("\"{sql}\"")), std::slice::from_ref(&message), "{sql}");
        assert_eq!(
            found_in(&format!("sqlite: \"SELECT 1\", postgres: \"{sql}\"")),
            [message],
            "{sql}"
        );
        assert_eq!(
            found_in(&format!("sqlite: \"{sql}\", postgres: \"SELECT 1\"")),
            [""; 0],
            "{sql}"
        );
    }
    for (sql, phrase) in [
        ("SELECT x FROM t WHERE x = ANY($1)", "any"),
        ("SELECT x FROM t FOR UPDATE", "for update"),
        ("SELECT x FROM t WHERE x ILIKE 'a'", "ilike"),
        ("SELECT DISTINCT ON (x) x FROM t", "distinct on"),
        ("SELECT $1::bigint", "::"),
        ("SELECT now()", "now"),
    ] {
        let message =
            format!("`{phrase}` exists on Postgres alone: write a text for each engine, this one after `postgres:`");
        assert_eq!(found_in(&format!("\"{sql}\"")), std::slice::from_ref(&message), "{sql}");
        assert_eq!(
            found_in(&format!("sqlite: \"{sql}\", postgres: \"SELECT 1\"")),
            [message],
            "{sql}"
        );
        assert_eq!(
            found_in(&format!("sqlite: \"SELECT 1\", postgres: \"{sql}\"")),
            [""; 0],
            "{sql}"
        );
    }
}

#[test]
fn a_sum_is_cast_on_postgres_and_not_on_sqlite() {
    let postgres = found_in("sqlite: \"SELECT sum(x) FROM t\", postgres: \"SELECT sum(x) FROM t\"");
    assert_eq!(postgres.len(), 1, "{postgres:?}");
    assert_eq!(
        found_in("\"SELECT CAST(COALESCE(sum(x), 0) AS bigint) FROM t\""),
        [""; 0]
    );
}

#[test]
fn words_that_only_look_different_are_not_reported() {
    for sql in [
        "SELECT t.sum, total, any, now, 'sum(x) LIKE lower(y)' FROM t",
        "SELECT x AS integer FROM t ORDER BY x LIMIT 1",
        "INSERT INTO t (x, total) VALUES ($1, $2) ON CONFLICT (x) DO UPDATE SET total = excluded.total RETURNING x",
        "SELECT COALESCE(x, 0), length(y), count(*) FROM t WHERE x IS NOT DISTINCT FROM $1",
    ] {
        assert_eq!(found_in(&format!("\"{sql}\"")), [""; 0], "{sql}");
    }
    assert_eq!(found_in("concat!(\"SELECT x\", \" FROM t\")"), [""; 0]);
    // SQL outside of modules is not the modules' business.
    assert_eq!(
        found(&[("chassis/db/src/x.rs", "fn f() { sql!(\"SELECT sum(x) FROM t\") }")]),
        [""; 0]
    );
}

const SQLITE: &str = "CREATE TABLE parts (code TEXT PRIMARY KEY) STRICT;";
const POSTGRES: &str = "CREATE TABLE parts (code text COLLATE \"C\" PRIMARY KEY);";

#[test]
fn a_migration_without_its_twin_is_found() {
    let both = [
        ("migrations/a/sqlite/0001_parts.sql", SQLITE),
        ("migrations/a/postgres/0001_parts.sql", POSTGRES),
        ("modules/b/migrations/0001.sqlite.sql", SQLITE),
    ];
    assert_eq!(found(&both), [""; 0]);
    assert_eq!(
        found(&[both[0], both[1], ("migrations/a/postgres/0002_more.sql", "SELECT 1;")]),
        [
            "migrations/a/postgres/0002_more.sql:1: engines: a has no migration migrations/a/sqlite/0002_more.sql: write the same \
          change for the other engine"
        ]
    );
    // A project on one engine.
    assert_eq!(found(&[both[0]]), [""; 0]);
}

#[test]
fn a_lax_table_of_sqlite_is_found() {
    let text =
        format!("{SQLITE}\nCREATE TABLE IF NOT EXISTS\n    lax (x int);\nCREATE VIRTUAL TABLE words USING fts5 (x);");
    assert_eq!(
        found(&[("migrations/a/sqlite/0001_parts.sql", &text)]),
        [
            "migrations/a/sqlite/0001_parts.sql:3: engines: table lax takes values of any type, which Postgres refuses: end the \
          statement with STRICT"
        ]
    );
}

#[test]
fn a_text_key_without_a_collation_is_found_on_postgres() {
    let text = "CREATE TABLE parts (\n\
                id uuid PRIMARY KEY,\n\
                code text NOT NULL UNIQUE CHECK (code <> ''),\n\
                kind text COLLATE \"C\" NOT NULL,\n\
                place text NOT NULL CHECK (place IN ('a', 'b')),\n\
                shelf text,\n\
                note text NOT NULL,\n\
                UNIQUE (kind, place)\n\
                );\n\
                CREATE INDEX parts_by_shelf ON parts (kind, shelf) WHERE note IS NULL;\n\
                CREATE TABLE others (id uuid);\n\
                CREATE INDEX others_by_note ON others (note);";
    let found = found(&[("migrations/a/postgres/0001_parts.sql", text)]);
    let columns: Vec<_> = found
        .iter()
        .map(|found| found.split(" of a key").next().unwrap_or_default())
        .collect();
    assert_eq!(
        columns,
        [
            "migrations/a/postgres/0001_parts.sql:3: engines: text column code",
            "migrations/a/postgres/0001_parts.sql:5: engines: text column place",
            "migrations/a/postgres/0001_parts.sql:6: engines: text column shelf",
        ],
        "{found:#?}"
    );
}
