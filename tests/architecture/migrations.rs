//! Every migration is there for both engines, says of which kind it is, and is one that the binary carries.

use offshoot::wiring::schemas;

use crate::sources::{File, catches, files, keeps};

const ENGINES: [&str; 2] = ["sqlite", "postgres"];
/// Whether a binary that does not know the migration can run on what it leaves.
const KINDS: [&str; 2] = ["-- offshoot: expand", "-- offshoot: contract"];

/// A migration that the binary carries.
struct Carried {
    module: String,
    version: u32,
    name: String,
    /// In the order of [`ENGINES`].
    texts: [String; 2],
}

fn carried() -> Vec<Carried> {
    let of = |schema: &'static offshoot_db::ModuleSchema| {
        schema.migrations.iter().map(|migration| Carried {
            module: schema.module.to_owned(),
            version: migration.version,
            name: migration.name.to_owned(),
            texts: [migration.sqlite, migration.postgres].map(str::to_owned),
        })
    };
    schemas().into_iter().flat_map(of).collect()
}

fn astray(files: &[File], carried: &[Carried]) -> Vec<String> {
    let mut violations = Vec::new();
    let expected =
        |migration: &Carried, engine: &str| format!("migrations/{}/{engine}/{}.sql", migration.module, migration.name);
    for migration in carried {
        if migration.name.split('_').next().and_then(|number| number.parse().ok()) != Some(migration.version) {
            violations.push(format!(
                "{} {} has version {}",
                migration.module, migration.name, migration.version
            ));
        }
        for (engine, text) in ENGINES.into_iter().zip(&migration.texts) {
            let path = expected(migration, engine);
            match files.iter().find(|file| file.path == path) {
                None => violations.push(format!("{path} is carried and not there")),
                Some(file) if file.text != *text => violations.push(format!("{path} is carried with another text")),
                Some(_) => {}
            }
        }
    }
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("migrations/") && file.path.ends_with(".sql"))
    {
        let path = &file.path;
        let is_carried = carried
            .iter()
            .any(|migration| ENGINES.iter().any(|engine| expected(migration, engine) == *path));
        if !is_carried {
            violations.push(format!("{path} is in no module's SCHEMA"));
        }
        if !KINDS.contains(&file.text.lines().next().unwrap_or_default()) {
            violations.push(format!("{path} does not begin with one of {KINDS:?}"));
        }
    }
    violations
}

#[test]
fn every_migration_is_carried_for_both_engines_and_says_its_kind() {
    let carried = carried();
    assert!(!carried.is_empty());
    keeps(&astray(&files(), &carried));
}

#[test]
fn a_migration_that_is_astray_is_found() {
    let migration = |name: &str, version| Carried {
        module: "catalog".to_owned(),
        version,
        name: name.to_owned(),
        texts: ["-- offshoot: expand\nA", "-- offshoot: expand\nB"].map(str::to_owned),
    };
    let planted = [
        File::new("migrations/catalog/sqlite/0001_a.sql", "-- offshoot: expand\nA"),
        File::new("migrations/catalog/postgres/0001_a.sql", "-- offshoot: expand\nedited"),
        File::new("migrations/catalog/sqlite/0002_b.sql", "-- offshoot: expand\nA"),
        File::new("migrations/catalog/sqlite/0004_d.sql", "-- expand\n"),
    ];
    let expected = [
        "postgres/0001_a.sql is carried with another text",
        "0002_b has version 3",
        "postgres/0002_b.sql is carried and not there",
        "0004_d.sql is in no module's SCHEMA",
        "0004_d.sql does not begin with",
    ];
    catches(
        &astray(&planted, &[migration("0001_a", 1), migration("0002_b", 3)]),
        &expected,
    );
}
