//! Migrations that keep readers or writers of a Postgres table out, beside migrations that do not.

use crate::found;

/// Violations of a migration of an existing table, without path and rule.
fn found_in(text: &str) -> Vec<String> {
    let place = "migrations/a/postgres/0002_more.sql:";
    let found = found(&[("migrations/a/postgres/0002_more.sql", text)]);
    let strip = |found: String| found.strip_prefix(place).unwrap_or(&found).to_owned();
    found.into_iter().map(strip).collect()
}

#[test]
fn statements_that_read_or_write_all_rows_under_a_lock_are_found() {
    for (sql, part) in [
        (
            "ALTER TABLE parts ALTER COLUMN size TYPE bigint",
            "another type of a column of parts",
        ),
        (
            "ALTER TABLE a.parts ALTER size SET DATA TYPE bigint",
            "another type of a column of parts",
        ),
        (
            "ALTER TABLE ONLY parts ALTER size SET NOT NULL",
            "SET NOT NULL on parts",
        ),
        (
            "ALTER TABLE parts ADD COLUMN size bigint NOT NULL",
            "without a default fails on the rows of parts",
        ),
        (
            "ALTER TABLE parts ADD id uuid DEFAULT gen_random_uuid()",
            "another value in each row of parts",
        ),
        (
            "ALTER TABLE parts ADD id bigserial",
            "another value in each row of parts",
        ),
        (
            "ALTER TABLE parts ADD twice bigint GENERATED ALWAYS AS (size * 2) STORED",
            "another value in each row",
        ),
        ("ALTER TABLE parts ADD code text COLLATE \"C\" UNIQUE", "a key on parts"),
        ("ALTER TABLE parts ADD CHECK (size > 0)", "a constraint on parts"),
        (
            "ALTER TABLE parts ADD CONSTRAINT one FOREIGN KEY (id) REFERENCES parts (id)",
            "a constraint on parts",
        ),
        ("ALTER TABLE parts SET LOGGED", "writes all rows of parts"),
        (
            "CREATE INDEX parts_by_size ON parts (size)",
            "an index on parts keeps writers out",
        ),
        (
            "CREATE UNIQUE INDEX IF NOT EXISTS i ON ONLY a.parts USING btree (size)",
            "an index on parts",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON parts (size)",
            "refuses CONCURRENTLY in a transaction",
        ),
        ("REINDEX TABLE parts", "reindex locks all readers out"),
        ("CLUSTER parts", "cluster locks"),
        ("REFRESH MATERIALIZED VIEW sums", "refresh locks"),
        ("LOCK TABLE parts", "lock keeps others out"),
    ] {
        let found = found_in(&format!("-- offshoot: expand\n{sql};\n"));
        let [one] = found.as_slice() else {
            panic!("{sql}: {found:#?}")
        };
        assert!(one.starts_with("2: blocking: ") && one.contains(part), "{sql}: {one}");
    }
}

#[test]
fn each_action_of_a_statement_is_found_with_its_line() {
    let text = "ALTER TABLE parts\n    ADD COLUMN weight numeric(10, 2),\n    ADD CONSTRAINT positive CHECK (size > 0),\n    \
                ALTER COLUMN size TYPE bigint;";
    let lines: Vec<_> = found_in(text).iter().map(|found| found[..1].to_owned()).collect();
    assert_eq!(lines, ["3", "4"]);
}

#[test]
fn statements_that_take_a_lock_for_a_moment_are_not_reported() {
    for sql in [
        "ALTER TABLE parts ADD COLUMN size bigint",
        "ALTER TABLE parts ADD COLUMN size bigint NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS \"type\" text",
        "ALTER TABLE parts ADD CONSTRAINT positive CHECK (size > 0) NOT VALID",
        "ALTER TABLE parts ADD CONSTRAINT parts_key PRIMARY KEY USING INDEX parts_idx",
        "ALTER TABLE parts VALIDATE CONSTRAINT positive",
        "ALTER TABLE parts DROP COLUMN size, ALTER COLUMN weight DROP NOT NULL",
        "REINDEX TABLE CONCURRENTLY parts",
        "CREATE TABLE pieces (id uuid); CREATE INDEX pieces_idx ON pieces (id); ALTER TABLE pieces ADD CHECK (id IS NOT NULL)",
        "CREATE UNLOGGED TABLE IF NOT EXISTS a.pieces (id uuid); CREATE INDEX pieces_idx ON a.pieces (id)",
    ] {
        assert_eq!(found_in(&format!("-- offshoot: expand\n{sql};\n")), [""; 0], "{sql}");
    }
    let sqlite = ("migrations/a/sqlite/0002_more.sql", "CREATE INDEX i ON parts (size);");
    assert_eq!(found(&[sqlite]), [""; 0]);
}

#[test]
fn a_constraint_is_validated_in_a_later_migration() {
    let add = "ALTER TABLE parts ADD CONSTRAINT positive CHECK (size > 0) NOT VALID;";
    let found = found_in(&format!("{add}\nALTER TABLE parts VALIDATE CONSTRAINT positive;"));
    assert!(
        found.len() == 1 && found[0].contains("validated under the lock"),
        "{found:#?}"
    );
}

#[test]
fn an_index_is_made_concurrently_and_repeatably_outside_of_a_transaction() {
    let header = "-- offshoot: expand\n-- offshoot: without transaction\n";
    let create = "CREATE INDEX CONCURRENTLY parts_by_size ON parts (size);\n";
    let drop = "DROP INDEX CONCURRENTLY IF EXISTS parts_by_size;\n";
    assert_eq!(found_in(&format!("{header}{drop}{create}")), [""; 0]);
    for text in [format!("{header}{create}"), format!("{header}{create}{drop}")] {
        let found = found_in(&text);
        assert!(
            found.len() == 1 && found[0].contains("exists and is not usable"),
            "{found:#?}"
        );
    }
}

#[test]
fn a_blocking_statement_is_allowed_with_a_reason() {
    let allowed = |reason: &str| {
        let allow = format!("-- offshoot: allow(blocking){reason}");
        found_in(&format!("{allow}\nALTER TABLE parts ALTER COLUMN name TYPE text;"))
    };
    assert_eq!(allowed(" varchar to text: Postgres writes no row"), [""; 0]);
    assert_eq!(allowed("").len(), 2);
}
