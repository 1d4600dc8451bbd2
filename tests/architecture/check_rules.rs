//! The rules of `offshoot check` hold for this project without a baseline. `chassis/check/tests` shows that each rule
//! finds violations; the tests here show that the rules read the store's files.

use std::collections::BTreeSet;

use offshoot::wiring;
use offshoot_check::{File, Layout, Project};

use crate::sources::{assert_no_violations, assert_violations, root};

fn violations_of(project: &Project) -> Vec<String> {
    project.violations().iter().map(ToString::to_string).collect()
}

#[test]
fn this_project_has_no_violation_of_the_check_rules() {
    let project = Project::read(&root()).expect("the project has modules");
    let declared: BTreeSet<_> = wiring::names().collect();
    assert_eq!(project.modules(), declared);
    assert_no_violations(&violations_of(&project));
}

/// Checks the project's files together with one planted violation per rule.
#[test]
fn planted_violations_among_the_project_files_are_reported() {
    let planted = [
        (
            "modules/carts/src/planted.rs",
            "\nfn f(orders: &dyn OrdersApi) { sql!(\"SELECT sku FROM products\"); sql!(\"SELECT sum(x)\") }",
        ),
        (
            "modules/orders/src/planted.rs",
            "const ALL: &str = \"SELECT id FROM orders\";",
        ),
        (
            "modules/payments/src/planted.rs",
            "\n\nstatic SEEN: Mutex<u8> = Mutex::new(0);",
        ),
        (
            "migrations/inventory/postgres/0999_planted.sql",
            "-- offshoot: expand\nCREATE TABLE planted (\n    product uuid REFERENCES catalog.products (id)\n);\n\
             CREATE VIEW planted_too AS SELECT * FROM carts;",
        ),
        (
            "modules/catalog/Cargo.toml",
            "[package]\nname = \"catalog\"\n[dependencies]\norders-api = \"1\"\ncarts = \"1\"\n",
        ),
    ];
    let planted = planted.map(|(path, text)| File::new(path, text));
    let folders = ["modules", "migrations", "app"];
    let project_files = crate::sources::files();
    let project_files = project_files.into_iter().filter(|file| {
        folders.contains(&file.path.split('/').next().unwrap_or_default())
            && planted.iter().all(|planted| planted.path != file.path)
    });
    let project = Project::from_files(Layout::default(), project_files.chain(planted.clone()).collect());
    let expected = [
        "declaration: carts uses orders without declaring so (modules/carts/src/planted.rs:2 names OrdersApi)",
        "inventory/postgres/0999_planted.sql:1: engines: inventory has no migration migrations/inventory/sqlite/0999",
        "inventory/postgres/0999_planted.sql:3: foreign-key: inventory references schema catalog",
        "inventory/postgres/0999_planted.sql:5: foreign-view: inventory creates a view over table carts of carts",
        "modules/carts/src/planted.rs:2: foreign-table: carts accesses table products of catalog",
        "modules/carts/src/planted.rs:2: engines: `sum` of a bigint is numeric on Postgres",
        "modules/catalog/Cargo.toml:5: implementation: catalog depends on carts",
        "modules/orders/src/planted.rs:1: sql: SELECT outside of sql!",
        "modules/payments/src/planted.rs:3: state: `SEEN` keeps a Mutex",
    ];
    let found = violations_of(&project);
    // The planted dependency closes a cycle: catalog, orders, carts, catalog.
    let (cycles, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|violation| violation.contains(": cycle: "));
    assert!(
        !cycles.is_empty() && cycles.iter().all(|cycle| cycle.contains("catalog")),
        "{cycles:#?}"
    );
    assert_violations(&others, &expected);
}
