//! Connections to Postgres are opened in one place, which holds the rules about TLS and plain text.

use crate::sources::{File, assert_no_violations, assert_violations, files};

/// Opens all connections of the product.
const PLACE: &str = "chassis/db/src/postgres/login.rs";
/// Test kits and tools that connect to servers of tests alone.
const OTHERS: [&str; 4] = ["chassis/testkit/", "tests/", "app/tests/", "app/demo/"];
/// Ways to open a connection, and to make the options that such a way needs.
const WAYS: [&str; 4] = ["PgConnection::connect", "PgPool", "PgConnectOptions", "PgListener"];

fn connection_violations(files: &[File]) -> Vec<String> {
    let is_product = |file: &&File| {
        let path = file.path.as_str();
        path.ends_with(".rs")
            && path != PLACE
            && !path.contains("/tests/")
            && !OTHERS.iter().any(|other| path.starts_with(other))
    };
    let mut violations = Vec::new();
    for file in files.iter().filter(is_product) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let ways = WAYS.iter().filter(|way| line.contains(*way));
            violations.extend(ways.map(|way| format!("{}:{number}: {way}: use PostgresLogin::connect", file.path)));
        }
    }
    violations
}

#[test]
fn postgres_connections_are_opened_in_one_place() {
    assert_no_violations(&connection_violations(&files()));
}

#[test]
fn a_connection_from_another_place_is_reported() {
    let planted = [
        File::new(PLACE, "PgConnection::connect_with(&options)"),
        File::new("chassis/db/tests/db/main.rs", "PgConnection::connect(url)"),
        File::new("app/src/cli/doctor.rs", "\nPgConnection::connect(url)"),
        File::new(
            "chassis/backup/src/copy.rs",
            "let options: PgConnectOptions = url.parse()?;",
        ),
    ];
    assert_violations(
        &connection_violations(&planted),
        &[
            "app/src/cli/doctor.rs:2: PgConnection::connect",
            "chassis/backup/src/copy.rs:1: PgConnectOptions",
        ],
    );
}
