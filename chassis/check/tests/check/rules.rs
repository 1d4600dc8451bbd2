//! Planted violations of each rule, beside similar code that is allowed.

use crate::{found, manifest};

#[test]
fn sql_outside_its_macro_is_found() {
    let found = found(&[
        (
            "modules/a/src/store.rs",
            "fn f() { sql!(sqlite: \"SELECT (1)\", postgres: \"SELECT 2\"); sql![\"SELECT 3\"]; }",
        ),
        (
            "modules/a/src/service.rs",
            "/// SELECT 1\nfn f() { say(\"Select one, please, or update it\") }",
        ),
        (
            "modules/a/src/bulk.rs",
            "fn f() {\n    sql!(\"SELECT 1\"); format!(\"UPDATE {t} SET a = 1\");\n}",
        ),
        (
            "modules/a/src/search.rs",
            "const ALL: &str = \"  select name from things\";",
        ),
        (
            "modules/a/tests/all.rs",
            "const ALL: &str = \"SELECT name FROM things\";",
        ),
        ("app/src/cli/db.rs", "fn f() { sql!(\"SELECT 1\"); }"),
    ]);
    assert_eq!(
        found,
        [
            "app/src/cli/db.rs:1: sql: sql! in code without data: call the module's contract instead",
            "modules/a/src/bulk.rs:2: sql: UPDATE outside of sql!",
            "modules/a/src/search.rs:1: sql: select outside of sql!",
        ]
    );
}

const THINGS: (&str, &str) = (
    "migrations/a/0001_things.sql",
    "-- Not of parts.\nCREATE TABLE IF NOT EXISTS things (id integer, note text DEFAULT 'parts');",
);
const PARTS: (&str, &str) = ("migrations/b/tables.toml", "[tables.parts]\nkind = 'owned'\n");

#[test]
fn access_to_tables_of_others_is_found() {
    let found = found(&[
        THINGS,
        PARTS,
        (
            "modules/a/src/store.rs",
            "fn f() { sql!(\"SELECT parts_left, t.parts FROM things t, a.things WHERE x = 'parts'\") }",
        ),
        (
            "modules/a/src/bulk.rs",
            "fn f() { sql!(\"SELECT 1 FROM things, Parts\") }",
        ),
        (
            "modules/b/src/store.rs",
            "fn f() {\n    sql!(sqlite: \"SELECT 1\", postgres: \"SELECT 1 FROM a.x\");\n}",
        ),
        (
            "modules/b/src/lib.rs",
            "fn f() { sql!(\"DELETE FROM offshoot_owner\") }",
        ),
        ("modules/b/tests/all.rs", "fn f() { sql!(\"SET search_path TO a\") }"),
        (
            "modules/b/src/switching.rs",
            "fn f() {\n    sql!(\"SET LOCAL role a\");\n    sql!(\"ATTACH 'a.db' AS x\");\n    sql!(\"UPDATE parts SET role = 1\");\n}",
        ),
    ]);
    assert_eq!(
        found,
        [
            "modules/a/src/bulk.rs:1: foreign-table: a accesses table parts of b",
            "modules/b/src/lib.rs:1: foreign-table: b accesses table offshoot_owner of the chassis",
            "modules/b/src/store.rs:2: foreign-table: b accesses schema a",
            "modules/b/src/switching.rs:2: foreign-table: b switches to another role",
            "modules/b/src/switching.rs:3: foreign-table: b attaches another database",
            "modules/b/tests/all.rs:1: foreign-table: b changes search_path, so that names resolve to other tables",
        ]
    );
}

#[test]
fn foreign_keys_and_views_across_schemas_are_found() {
    let found = found(&[
        THINGS,
        PARTS,
        ("modules/a/src/lib.rs", ""),
        (
            "migrations/b/0001_parts.sql",
            "-- Unlike things.\nCREATE TABLE parts (\n    id bigint REFERENCES parts (id),\n    thing bigint REFERENCES things (id)\n);\n\
             ALTER TABLE parts ADD FOREIGN KEY (thing)\n    REFERENCES a.things (id);\n\
             CREATE OR REPLACE VIEW both AS\n    SELECT * FROM parts, \"things\";\n\
             CREATE TRIGGER t AFTER INSERT ON things EXECUTE FUNCTION f();",
        ),
    ]);
    assert_eq!(
        found,
        [
            "migrations/b/0001_parts.sql:4: foreign-key: b references table things of a",
            "migrations/b/0001_parts.sql:7: foreign-key: b references schema a",
            "migrations/b/0001_parts.sql:9: foreign-view: b creates a view over table things of a",
            "migrations/b/0001_parts.sql:10: foreign-table: b accesses table things of a",
        ]
    );
}

#[test]
fn dependencies_on_implementations_are_found() {
    let hidden = "[package]\nname = \"c\"\n[dev-dependencies]\nserde = \"1\"\nother = { package = \"b\", path = \"../b\" }\n\
                  [target.'cfg(unix)'.dependencies.a]\npath = \"../a\"\n";
    let found = found(&[
        ("modules/a/Cargo.toml", &manifest("a", &["a-api", "b-api", "serde"])),
        ("modules/a/api/Cargo.toml", &manifest("a-api", &["serde", "a"])),
        ("modules/b/Cargo.toml", &manifest("b", &["b-api", "a"])),
        ("modules/b/api/Cargo.toml", &manifest("b-api", &["serde"])),
        ("modules/c/Cargo.toml", hidden),
        ("modules/d/Cargo.toml", "[package\n"),
    ]);
    let found: Vec<_> = found.iter().filter(|found| !found.contains(": cycle: ")).collect();
    assert_eq!(found.len(), 5, "{found:#?}");
    for (found, beginning) in found.iter().zip([
        "modules/a/api/Cargo.toml:6: implementation: a-api depends on a, the implementation of a: ",
        "modules/b/Cargo.toml:6: implementation: b depends on a, the implementation of a: ",
        "modules/c/Cargo.toml:5: implementation: c depends on b, the implementation of b: ",
        "modules/c/Cargo.toml:6: implementation: c depends on a, the implementation of a: ",
        "modules/d/Cargo.toml:1: unreadable: not a valid manifest: ",
    ]) {
        assert!(found.starts_with(beginning), "{found}");
    }
}

#[test]
fn a_dependency_cycle_is_reported_as_a_path() {
    let manifests = [
        ("a", vec!["a-api", "b-api"]),
        ("b", vec!["b-api", "c-api"]),
        ("c", vec!["c-api", "a-api", "d-api"]),
        ("d", vec!["d-api", "e-api"]),
        ("e", vec!["e-api", "d-api"]),
        ("f", vec!["f-api", "a-api", "d-api"]),
    ];
    let mut files = Vec::new();
    for (module, dependencies) in &manifests {
        files.push((format!("modules/{module}/Cargo.toml"), manifest(module, dependencies)));
        files.push((
            format!("modules/{module}/api/Cargo.toml"),
            manifest(&format!("{module}-api"), &[]),
        ));
    }
    // A dev-dependency is not a call.
    files.push((
        "modules/g/Cargo.toml".to_owned(),
        "[package]\nname = \"g\"\n[dependencies]\na-api = \"1\"\n[dev-dependencies]\ng-api = \"1\"\n".to_owned(),
    ));
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    assert_eq!(
        found(&files),
        [
            "modules/a/Cargo.toml:6: cycle: modules depend on each other in a cycle: a -> b -> c -> a",
            "modules/d/Cargo.toml:6: cycle: modules depend on each other in a cycle: d -> e -> d",
        ]
    );
}

const STATE: &str = "\
use std::sync::{Mutex, OnceLock};

static SEEN: OnceLock<u8> = OnceLock::new();
pub struct Kept {
    /// A comment.
    #[serde(skip)]
    cache: Arc<parking_lot::RwLock<Vec<u8>>>,
    plain: Vec<u8>,
    // offshoot: allow(state) counts for operators
    count: AtomicU64,
}
enum Either {
    One(Cell<u8>),
    Two,
}
type Shared = Arc<Mutex<u8>>;
thread_local! { static HERE: u8 = 0; }
fn f() {
    static mut TIMES: u8 = 0;
    let local = Mutex::new(0);
}
const TEXT: &str = \"Mutex\";
#[cfg(test)]
mod tests {
    static HERE: Mutex<u8> = Mutex::new(0);
}
";

#[test]
fn state_that_outlives_a_call_is_found() {
    let found = found(&[
        ("modules/a/src/lib.rs", STATE),
        (
            "modules/a/tests/all.rs",
            STATE.split("fn f()").next().unwrap_or_default(),
        ),
        ("chassis/db/src/lib.rs", STATE),
    ]);
    let in_sources: Vec<_> = found
        .iter()
        .filter(|found| found.starts_with("modules/a/src/"))
        .collect();
    assert_eq!(in_sources.len(), 6, "{found:#?}");
    for (found, beginning) in in_sources.iter().zip([
        "modules/a/src/lib.rs:3: state: `SEEN` keeps a OnceLock between calls",
        "modules/a/src/lib.rs:7: state: `Kept.cache` keeps a RwLock between calls",
        "modules/a/src/lib.rs:13: state: `Either::One.0` keeps a Cell between calls",
        "modules/a/src/lib.rs:16: state: `Shared` keeps a Mutex between calls",
        "modules/a/src/lib.rs:17: state: `thread_local!` keeps a static between calls",
        "modules/a/src/lib.rs:19: state: `TIMES` keeps a mutable static between calls",
    ]) {
        assert!(found.starts_with(beginning), "{found}");
    }
}

#[test]
fn an_allowance_needs_a_reason_and_an_effect() {
    let found = found(&[
        (
            "modules/a/src/lib.rs",
            "// offshoot: allow(state)\nstatic SEEN: Mutex<u8> = 0;\n",
        ),
        (
            "modules/a/src/two.rs",
            "// offshoot: allow(state) once needed\nstatic SEEN: u8 = 0;\n",
        ),
        (
            "modules/a/src/three.rs",
            "// offshoot: allow(sql) another rule\nstatic SEEN: Mutex<u8> = 0;\n",
        ),
        ("modules/b/src/lib.rs", ""),
        ("migrations/b/x/0001_parts.sql", "CREATE TABLE parts (x int);"),
        (
            "migrations/a/x/0001_old.sql",
            "-- offshoot: allow(foreign-table) undone by 0002\nDELETE FROM parts;",
        ),
        (
            "modules/b/Cargo.toml",
            "[package]\nname = \"b\"\n[dependencies]\n# offshoot: allow(implementation) until its contract is there\na = \"1\"\n",
        ),
        ("modules/a/Cargo.toml", &manifest("a", &[])),
    ]);
    let begins = [
        "modules/a/src/lib.rs:1: allow: allow(state) has no reason",
        "modules/a/src/lib.rs:2: state: `SEEN` keeps a Mutex",
        "modules/a/src/three.rs:1: allow: allow(sql) is unused",
        "modules/a/src/three.rs:2: state: `SEEN` keeps a Mutex",
        "modules/a/src/two.rs:1: allow: allow(state) is unused",
    ];
    assert_eq!(found.len(), begins.len(), "{found:#?}");
    for (found, beginning) in found.iter().zip(begins) {
        assert!(found.starts_with(beginning), "{found}");
    }
}

#[test]
fn an_unparsable_file_is_reported_and_does_not_stop_the_check() {
    let found = found(&[
        ("modules/a/src/broken.rs", "fn f() {\n    let x = \"open;\n"),
        ("modules/a/src/odd.rs", "\nfn f( {}"),
        ("modules/a/src/strange.rs", "\n\nthis is prose"),
        ("modules/a/src/lib.rs", "static SEEN: Mutex<u8> = 0;"),
    ]);
    let lines: Vec<_> = found
        .iter()
        .map(|found| found.split(": ").take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "modules/a/src/broken.rs:2 unreadable",
            "modules/a/src/lib.rs:1 state",
            "modules/a/src/odd.rs:2 unreadable",
            "modules/a/src/strange.rs:3 unreadable",
        ],
        "{found:#?}"
    );
}
