//! Migrations run once, whole, in order, and a binary knows which schemas it may run on.

use offshoot_db::{
    DatabaseUrl, Db, DbOptions, Engine, Migration, MigrationState, ModuleSchema, OpenError, migrate, status,
};

use crate::store::{Place, THINGS};

const fn with(migrations: &'static [Migration]) -> ModuleSchema {
    ModuleSchema {
        module: "depot",
        migrations,
        tables: "",
    }
}

const fn same(version: u32, name: &'static str, text: &'static str) -> Migration {
    Migration {
        version,
        name,
        sqlite: text,
        postgres: text,
    }
}

static OLD: ModuleSchema = with(&[THINGS]);

macro_rules! on_both_places {
    ($($body:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                super::$body(super::Place::new(super::Engine::Sqlite).await.expect("SQLite is always there")).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                if let Some(place) = super::Place::new(super::Engine::Postgres).await {
                    super::$body(place).await;
                }
            })*
        }
    };
}

on_both_places!(
    migrators_at_once_apply_each_migration_once,
    a_schema_with_more_expansions_is_fine,
    a_schema_with_an_unknown_contraction_is_refused,
    a_changed_migration_is_named,
    a_failed_migration_leaves_the_version_before,
    a_header_and_an_order_are_required,
    a_status_tells_of_every_migration,
);

async fn migrators_at_once_apply_each_migration_once(place: Place) {
    let options = DbOptions::default();
    let runs = (0..4).map(|_| migrate(&OLD, &place.url, &options));
    let mut applied = Vec::new();
    for report in futures_util::future::join_all(runs).await {
        applied.extend(
            report
                .expect("a migrator waits for the other")
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
    let again = migrate(&OLD, &place.url, &options).await.expect("nothing to do");
    assert!(again.applied.is_empty());
}

async fn a_schema_with_more_expansions_is_fine(place: Place) {
    static NEW: ModuleSchema = with(&[
        THINGS,
        same(
            2,
            "0002_shelves",
            "-- offshoot: expand\nCREATE TABLE shelves (id bigint);",
        ),
    ]);
    // STRICT is not asked for here, so that one text serves both engines.
    migrate(&NEW, &place.url, &DbOptions::default())
        .await
        .expect("a new schema");
    Db::open(&OLD, &place.url, &DbOptions::default())
        .await
        .expect("an older binary runs on it");
    let report = migrate(&OLD, &place.url, &DbOptions::default())
        .await
        .expect("nothing to do");
    assert!(report.applied.is_empty());
}

async fn a_schema_with_an_unknown_contraction_is_refused(place: Place) {
    static NEW: ModuleSchema = with(&[
        THINGS,
        same(2, "0002_no_parts", "-- offshoot: contract\nDROP TABLE parts;"),
    ]);
    migrate(&NEW, &place.url, &DbOptions::default())
        .await
        .expect("a new schema");
    let error = Db::open(&OLD, &place.url, &DbOptions::default())
        .await
        .map(drop)
        .expect_err("parts are gone");
    assert!(
        matches!(&error, OpenError::UnknownContract { name, .. } if name == "0002_no_parts"),
        "{error}"
    );
    let error = migrate(&OLD, &place.url, &DbOptions::default())
        .await
        .expect_err("parts are gone");
    assert!(error.to_string().contains("run a binary that knows it"), "{error}");
}

async fn a_changed_migration_is_named(place: Place) {
    static CHANGED: ModuleSchema = with(&[same(
        1,
        "0001_things",
        "-- offshoot: expand\nCREATE TABLE things (id bigint);",
    )]);
    migrate(&OLD, &place.url, &DbOptions::default())
        .await
        .expect("a new schema");
    let error = Db::open(&CHANGED, &place.url, &DbOptions::default())
        .await
        .map(drop)
        .expect_err("another text");
    assert!(
        matches!(&error, OpenError::Changed { set, name, .. } if set == "depot" && name == "0001_things"),
        "{error}"
    );
}

async fn a_failed_migration_leaves_the_version_before(place: Place) {
    static BROKEN: ModuleSchema = with(&[
        THINGS,
        same(
            2,
            "0002_shelves",
            "-- offshoot: expand\nCREATE TABLE shelves (id bigint); SELECT nothing FROM nowhere;",
        ),
    ]);
    static MENDED: ModuleSchema = with(&[
        THINGS,
        same(
            2,
            "0002_shelves",
            "-- offshoot: expand\nCREATE TABLE shelves (id bigint);",
        ),
    ]);
    let error = migrate(&BROKEN, &place.url, &DbOptions::default())
        .await
        .expect_err("there is no such table");
    assert!(
        matches!(&error, OpenError::MigrationFailed { name, .. } if name == "0002_shelves"),
        "{error}"
    );
    let states: Vec<_> = status(&BROKEN, &place.url, &DbOptions::default())
        .await
        .expect("a status")
        .into_iter()
        .map(|each| matches!(each.state, MigrationState::Applied(_)))
        .collect();
    // All that came before it, the chassis's own among them.
    assert_eq!(states.iter().position(|applied| !applied), Some(states.len() - 1));
    let report = migrate(&MENDED, &place.url, &DbOptions::default())
        .await
        .expect("the table is not in the way");
    assert_eq!(report.applied.len(), 1);
}

async fn a_header_and_an_order_are_required(place: Place) {
    static BARE: ModuleSchema = with(&[same(1, "0001_bare", "CREATE TABLE bare (id bigint);")]);
    static MIXED: ModuleSchema = with(&[
        same(2, "0002_b", "-- offshoot: expand\n"),
        same(1, "0001_a", "-- offshoot: expand\n"),
    ]);
    let error = migrate(&BARE, &place.url, &DbOptions::default())
        .await
        .expect_err("it does not say what it does");
    assert!(
        matches!(&error, OpenError::NoKind { name, .. } if name == "0001_bare"),
        "{error}"
    );
    let error = migrate(&MIXED, &place.url, &DbOptions::default())
        .await
        .expect_err("it goes backwards");
    assert!(
        matches!(&error, OpenError::Unordered { name, .. } if name == "0001_a"),
        "{error}"
    );
}

async fn a_status_tells_of_every_migration(place: Place) {
    static NEW: ModuleSchema = with(&[THINGS, same(2, "0002_more", "-- offshoot: expand\n")]);
    static OTHER: ModuleSchema = with(&[
        same(1, "0001_things", "-- offshoot: expand\n"),
        same(3, "0003_x", "-- offshoot: contract\n"),
    ]);
    migrate(&NEW, &place.url, &DbOptions::default())
        .await
        .expect("a new schema");
    let all = status(&OTHER, &place.url, &DbOptions::default())
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
async fn a_store_that_does_not_exist_has_nothing_applied_and_is_not_made() {
    let place = Place::new(Engine::Sqlite).await.expect("SQLite is always there");
    let all = status(&OLD, &place.url, &DbOptions::default()).await.expect("a status");
    assert!(all.iter().all(|each| each.state == MigrationState::Missing));
    assert!(!place.directory().join("depot.db").exists());
}

/// `things` and `parts` that refer to them, then `things` made anew with another column.
const REBUILT: [Migration; 2] = [
    same(
        1,
        "0001_things",
        "-- offshoot: expand\n\
         CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY);\n\
         CREATE TABLE parts (thing INTEGER NOT NULL REFERENCES things (id));\n\
         INSERT INTO things VALUES (1); INSERT INTO parts VALUES (1);",
    ),
    same(
        2,
        "0002_rebuilt",
        "-- offshoot: contract\n\
         CREATE TABLE other_things (id INTEGER NOT NULL PRIMARY KEY, name TEXT);\n\
         INSERT INTO other_things (id) SELECT id FROM things;\n\
         DROP TABLE things; ALTER TABLE other_things RENAME TO things;",
    ),
];

#[tokio::test]
async fn on_sqlite_a_table_that_others_refer_to_can_be_rebuilt() {
    static SCHEMA: ModuleSchema = with(&REBUILT);
    let directory = tempfile::tempdir().expect("a temporary folder");
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
        .expect("the store opens");
    let mut cx = offshoot_contract::CallContext::root("test");
    let mut tx = db.begin(&mut cx).await.expect("a transaction");
    let orphan = tx.execute(offshoot_db::sql!("INSERT INTO parts VALUES (2)"), ()).await;
    assert!(orphan.is_err(), "foreign keys are on again");
}

#[tokio::test]
async fn on_sqlite_a_migration_that_leaves_references_to_nothing_is_refused() {
    const LOSES: [Migration; 2] = [
        REBUILT[0],
        same(2, "0002_loses", "-- offshoot: contract\nDELETE FROM things;"),
    ];
    static SCHEMA: ModuleSchema = with(&LOSES);
    let directory = tempfile::tempdir().expect("a temporary folder");
    let refused = migrate(&SCHEMA, &DatabaseUrl::sqlite(directory.path()), &DbOptions::default()).await;
    let message = format!("{:?}", refused.expect_err("rows of parts refer to nothing"));
    assert!(message.contains("1 rows of parts"), "{message}");
}
