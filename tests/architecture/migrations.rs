//! Every migration file exists for both engines, states the kind, and is embedded in the binary.

use offshoot::wiring::schemas;

use crate::sources::{File, assert_no_violations, assert_violations, files};

const ENGINES: [&str; 2] = ["sqlite", "postgres"];
/// The first line of a migration: whether a binary that does not know the migration can run on the migrated schema.
const KINDS: [&str; 2] = ["-- offshoot: expand", "-- offshoot: contract"];

/// A migration embedded in the binary.
struct EmbeddedMigration {
    module: String,
    version: u32,
    name: String,
    /// One text per engine, in the order of [`ENGINES`].
    texts: [String; 2],
}

fn embedded() -> Vec<EmbeddedMigration> {
    let migrations_of = |schema: &'static offshoot_db::ModuleSchema| {
        schema.migrations.iter().map(|migration| EmbeddedMigration {
            module: schema.module.to_owned(),
            version: migration.version,
            name: migration.name.to_owned(),
            texts: [migration.sqlite, migration.postgres].map(str::to_owned),
        })
    };
    schemas().into_iter().flat_map(migrations_of).collect()
}

fn migration_violations(files: &[File], embedded: &[EmbeddedMigration]) -> Vec<String> {
    let mut violations = Vec::new();
    let expected = |migration: &EmbeddedMigration, engine: &str| {
        format!("migrations/{}/{engine}/{}.sql", migration.module, migration.name)
    };
    for migration in embedded {
        if migration.name.split('_').next().and_then(|number| number.parse().ok()) != Some(migration.version) {
            violations.push(format!(
                "{} {} has version {}",
                migration.module, migration.name, migration.version
            ));
        }
        for (engine, text) in ENGINES.into_iter().zip(&migration.texts) {
            let path = expected(migration, engine);
            match files.iter().find(|file| file.path == path) {
                None => violations.push(format!("{path} is embedded, but the file is missing")),
                Some(file) if file.text != *text => violations.push(format!("{path} is embedded with another text")),
                Some(_) => {}
            }
        }
    }
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("migrations/") && file.path.ends_with(".sql"))
    {
        let path = &file.path;
        let is_embedded = embedded
            .iter()
            .any(|migration| ENGINES.iter().any(|engine| expected(migration, engine) == *path));
        if !is_embedded {
            violations.push(format!("{path} is missing in every module's SCHEMA"));
        }
        if !KINDS.contains(&file.text.lines().next().unwrap_or_default()) {
            violations.push(format!("{path} does not begin with one of {KINDS:?}"));
        }
    }
    violations
}

#[test]
fn every_migration_is_embedded_for_both_engines_and_states_its_kind() {
    let embedded = embedded();
    assert!(!embedded.is_empty());
    assert_no_violations(&migration_violations(&files(), &embedded));
}

#[test]
fn inconsistent_migrations_are_reported() {
    let migration = |name: &str, version| EmbeddedMigration {
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
        "postgres/0001_a.sql is embedded with another text",
        "0002_b has version 3",
        "postgres/0002_b.sql is embedded, but the file is missing",
        "0004_d.sql is missing in every module's SCHEMA",
        "0004_d.sql does not begin with",
    ];
    assert_violations(
        &migration_violations(&planted, &[migration("0001_a", 1), migration("0002_b", 3)]),
        &expected,
    );
}
