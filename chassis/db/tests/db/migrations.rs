//! Migrations are applied once, atomically and in order, and a binary rejects schemas that it must not run on.

use offshoot_db::{
    DatabaseUrl, Db, DbOptions, Engine, Migration, MigrationState, ModuleSchema, OpenError, migrate, migration_status,
};

use crate::store::{THINGS, TestDatabase};

const fn schema_with(migrations: &'static [Migration]) -> ModuleSchema {
    ModuleSchema {
        module: "depot",
        migrations,
        tables: "",
    }
}

const fn migration(version: u32, name: &'static str, text: &'static str) -> Migration {
    Migration {
        version,
        name,
        sqlite: text,
        postgres: text,
    }
}

static OLD: ModuleSchema = schema_with(&[THINGS]);

macro_rules! for_each_engine {
    ($($body:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                super::$body(super::TestDatabase::new(super::Engine::Sqlite).await.expect("SQLite is always there")).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                if let Some(database) = super::TestDatabase::new(super::Engine::Postgres).await {
                    super::$body(database).await;
                }
            })*
        }
    };
}

for_each_engine!(
    concurrent_migrators_apply_each_migration_once,
    a_schema_with_an_unknown_expand_migration_is_accepted,
    a_schema_with_an_unknown_contract_migration_is_rejected,
    a_changed_migration_is_rejected_by_name,
    a_failed_migration_leaves_the_previous_version,
    a_migration_needs_a_kind_header_and_a_rising_version,
    the_status_lists_every_migration,
);

async fn concurrent_migrators_apply_each_migration_once(database: TestDatabase) {
    let options = DbOptions::default();
    let runs = (0..4).map(|_| migrate(&OLD, &database.url, &options));
    let mut applied = Vec::new();
    for report in futures_util::future::join_all(runs).await {
        applied.extend(
            report
                .expect("a migrator waits for the other migrators")
                .applied
                .into_iter()
                .map(|each| each.name),
        );
    }
    applied.sort();
    assert_eq!(
        applied,
        [
            "0001_owner",
            "0001_things",
            "0002_answers",
            "0003_begin",
            "0004_replicas",
            "0005_outbox",
            "0006_subscriptions",
            "0007_sagas",
        ]
    );
    let again = migrate(&OLD, &database.url, &options).await.expect("nothing to do");
    assert!(again.applied.is_empty());
}

async fn a_schema_with_an_unknown_expand_migration_is_accepted(database: TestDatabase) {
    static NEW: ModuleSchema = schema_with(&[
        THINGS,
        migration(
            2,
            "0002_shelves",
            "-- offshoot: expand\nCREATE TABLE shelves (id bigint);",
        ),
    ]);
    // Without STRICT, so that one text serves both engines.
    migrate(&NEW, &database.url, &DbOptions::default())
        .await
        .expect("a new schema");
    Db::open(&OLD, &database.url, &DbOptions::default())
        .await
        .expect("an older binary opens the schema");
    let report = migrate(&OLD, &database.url, &DbOptions::default())
        .await
        .expect("nothing to do");
    assert!(report.applied.is_empty());
}

async fn a_schema_with_an_unknown_contract_migration_is_rejected(database: TestDatabase) {
    static NEW: ModuleSchema = schema_with(&[
        THINGS,
        migration(2, "0002_no_parts", "-- offshoot: contract\nDROP TABLE parts;"),
    ]);
    migrate(&NEW, &database.url, &DbOptions::default())
        .await
        .expect("a new schema");
    let error = Db::open(&OLD, &database.url, &DbOptions::default())
        .await
        .map(drop)
        .expect_err("the table `parts` was dropped");
    assert!(
        matches!(&error, OpenError::UnknownContractMigration { name, .. } if name == "0002_no_parts"),
        "{error}"
    );
    let error = migrate(&OLD, &database.url, &DbOptions::default())
        .await
        .expect_err("the table `parts` was dropped");
    assert!(
        error.to_string().contains("run a binary that has this migration"),
        "{error}"
    );
}

async fn a_changed_migration_is_rejected_by_name(database: TestDatabase) {
    static CHANGED: ModuleSchema = schema_with(&[migration(
        1,
        "0001_things",
        "-- offshoot: expand\nCREATE TABLE things (id bigint);",
    )]);
    migrate(&OLD, &database.url, &DbOptions::default())
        .await
        .expect("a new schema");
    let error = Db::open(&CHANGED, &database.url, &DbOptions::default())
        .await
        .map(drop)
        .expect_err("the text differs");
    assert!(
        matches!(&error, OpenError::MigrationChanged { set, name, .. } if set == "depot" && name == "0001_things"),
        "{error}"
    );
}

async fn a_failed_migration_leaves_the_previous_version(database: TestDatabase) {
    static BROKEN: ModuleSchema = schema_with(&[
        THINGS,
        migration(
            2,
            "0002_shelves",
            "-- offshoot: expand\nCREATE TABLE shelves (id bigint); SELECT nothing FROM nowhere;",
        ),
    ]);
    static CORRECTED: ModuleSchema = schema_with(&[
        THINGS,
        migration(
            2,
            "0002_shelves",
            "-- offshoot: expand\nCREATE TABLE shelves (id bigint);",
        ),
    ]);
    let error = migrate(&BROKEN, &database.url, &DbOptions::default())
        .await
        .expect_err("the table does not exist");
    assert!(
        matches!(&error, OpenError::MigrationFailed { name, .. } if name == "0002_shelves"),
        "{error}"
    );
    let states: Vec<_> = migration_status(&BROKEN, &database.url, &DbOptions::default())
        .await
        .expect("a status")
        .into_iter()
        .map(|each| matches!(each.state, MigrationState::Applied(_)))
        .collect();
    // All migrations but the last are applied, the chassis's own included.
    assert_eq!(states.iter().position(|applied| !applied), Some(states.len() - 1));
    let report = migrate(&CORRECTED, &database.url, &DbOptions::default())
        .await
        .expect("the failed migration left no table");
    assert_eq!(report.applied.len(), 1);
}

async fn a_migration_needs_a_kind_header_and_a_rising_version(database: TestDatabase) {
    static BARE: ModuleSchema = schema_with(&[migration(1, "0001_bare", "CREATE TABLE bare (id bigint);")]);
    static MIXED: ModuleSchema = schema_with(&[
        migration(2, "0002_b", "-- offshoot: expand\n"),
        migration(1, "0001_a", "-- offshoot: expand\n"),
    ]);
    let error = migrate(&BARE, &database.url, &DbOptions::default())
        .await
        .expect_err("the kind header is missing");
    assert!(
        matches!(&error, OpenError::MissingMigrationKind { name, .. } if name == "0001_bare"),
        "{error}"
    );
    let error = migrate(&MIXED, &database.url, &DbOptions::default())
        .await
        .expect_err("the versions do not rise");
    assert!(
        matches!(&error, OpenError::MigrationsOutOfOrder { name, .. } if name == "0001_a"),
        "{error}"
    );
}

async fn the_status_lists_every_migration(database: TestDatabase) {
    static NEW: ModuleSchema = schema_with(&[THINGS, migration(2, "0002_more", "-- offshoot: expand\n")]);
    static OTHER: ModuleSchema = schema_with(&[
        migration(1, "0001_things", "-- offshoot: expand\n"),
        migration(3, "0003_x", "-- offshoot: contract\n"),
    ]);
    migrate(&NEW, &database.url, &DbOptions::default())
        .await
        .expect("a new schema");
    let all = migration_status(&OTHER, &database.url, &DbOptions::default())
        .await
        .expect("a status");
    let of_module: Vec<_> = all.iter().filter(|each| each.migration.set == "depot").collect();
    assert_eq!(
        of_module
            .iter()
            .map(|each| (each.migration.name.as_str(), each.kind.as_str(), each.state))
            .collect::<Vec<_>>(),
        [
            ("0001_things", "expand", MigrationState::Changed),
            ("0003_x", "contract", MigrationState::Missing),
            ("0002_more", "expand", MigrationState::Unknown),
        ]
    );
}

#[tokio::test]
async fn the_status_of_a_missing_store_lists_all_as_missing_and_creates_no_file() {
    let database = TestDatabase::new(Engine::Sqlite).await.expect("SQLite is always there");
    let all = migration_status(&OLD, &database.url, &DbOptions::default())
        .await
        .expect("a status");
    assert!(all.iter().all(|each| each.state == MigrationState::Missing));
    assert!(!database.directory().join("depot.db").exists());
}

/// Creates `things` and a referencing table `parts`, then rebuilds `things` with another column.
const REBUILT: [Migration; 2] = [
    migration(
        1,
        "0001_things",
        "-- offshoot: expand\n\
         CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY);\n\
         CREATE TABLE parts (thing INTEGER NOT NULL REFERENCES things (id));\n\
         INSERT INTO things VALUES (1); INSERT INTO parts VALUES (1);",
    ),
    migration(
        2,
        "0002_rebuilt",
        "-- offshoot: contract\n\
         CREATE TABLE other_things (id INTEGER NOT NULL PRIMARY KEY, name TEXT);\n\
         INSERT INTO other_things (id) SELECT id FROM things;\n\
         DROP TABLE things; ALTER TABLE other_things RENAME TO things;",
    ),
];

#[tokio::test]
async fn on_sqlite_a_referenced_table_can_be_rebuilt() {
    static SCHEMA: ModuleSchema = schema_with(&REBUILT);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let url = DatabaseUrl::sqlite(directory.path());
    let report = migrate(&SCHEMA, &url, &DbOptions::default())
        .await
        .expect("the table is rebuilt");
    assert_eq!(
        report.applied.last().map(|applied| applied.name.as_str()),
        Some("0002_rebuilt")
    );
    let db = Db::open(&SCHEMA, &url, &DbOptions::default())
        .await
        .expect("an open store");
    let mut cx = offshoot_contract::CallContext::root("test");
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    let orphan = tx.execute(offshoot_db::sql!("INSERT INTO parts VALUES (2)"), ()).await;
    assert!(orphan.is_err(), "foreign keys must be enabled again");
}

#[tokio::test]
async fn on_sqlite_a_migration_that_leaves_dangling_references_is_rejected() {
    const DANGLING: [Migration; 2] = [
        REBUILT[0],
        migration(2, "0002_loses", "-- offshoot: contract\nDELETE FROM things;"),
    ];
    static SCHEMA: ModuleSchema = schema_with(&DANGLING);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let refused = migrate(&SCHEMA, &DatabaseUrl::sqlite(directory.path()), &DbOptions::default()).await;
    let message = format!("{:?}", refused.expect_err("rows of `parts` dangle"));
    assert!(message.contains("1 rows of parts"), "{message}");
}
