//! The rules of `offshoot check` hold of this project, without a baseline. That each of them finds what it should is
//! shown beside them, in `chassis/check/tests`; here, that they read what is the store's.

use offshoot_check::{File, Layout, Project};

use crate::sources::{catches, keeps, root};

fn found(project: &Project) -> Vec<String> {
    project.violations().iter().map(ToString::to_string).collect()
}

#[test]
fn the_project_keeps_every_rule_that_it_asks_of_others() {
    let project = Project::read(&root()).expect("the project has modules");
    assert_eq!(
        project.modules().into_iter().collect::<Vec<_>>(),
        [
            "carts",
            "catalog",
            "inventory",
            "notifications",
            "orders",
            "payments",
            "reporting",
            "storefront"
        ]
    );
    keeps(&found(&project));
}

/// The project's own files, and one more of each kind that breaks a rule.
#[test]
fn what_is_planted_among_the_projects_files_is_found() {
    let planted = [
        (
            "modules/carts/src/planted.rs",
            "\nfn f() { sql!(\"SELECT sku FROM products\") }",
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
    let own = crate::sources::files();
    let own = own.into_iter().filter(|file| {
        folders.contains(&file.path.split('/').next().unwrap_or_default())
            && planted.iter().all(|planted| planted.path != file.path)
    });
    let project = Project::of(Layout::default(), own.chain(planted.clone()).collect());
    let expected = [
        "inventory/postgres/0999_planted.sql:3: foreign-key: inventory refers to the schema catalog",
        "inventory/postgres/0999_planted.sql:5: foreign-view: inventory makes a view of carts of carts",
        "modules/carts/src/planted.rs:2: foreign-table: carts reaches into products of catalog",
        "modules/catalog/Cargo.toml:5: implementation: catalog depends on carts",
        "modules/orders/src/planted.rs:1: sql: SELECT outside of sql!",
        "modules/payments/src/planted.rs:3: state: `SEEN` keeps a Mutex",
    ];
    let found = found(&project);
    // The catalog called the orders, which call the carts, which call the catalog.
    let (circles, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.contains(": cycle: "));
    assert!(
        !circles.is_empty() && circles.iter().all(|circle| circle.contains("catalog")),
        "{circles:#?}"
    );
    catches(&others, &expected);
}
