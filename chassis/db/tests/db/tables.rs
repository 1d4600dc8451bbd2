//! Comparison of `tables.toml` with the live schema.

use offshoot_db::{Db, DbOptions, Engine, Migration, ModuleSchema, OpenError, check_tables};

use crate::store::{Store, THINGS, TestDatabase};

crate::on_both_engines!(differences_between_declared_and_live_tables_are_reported);

async fn differences_between_declared_and_live_tables_are_reported(store: Store) {
    assert_eq!(
        check_tables(&store.db).await.expect("a comparison"),
        Vec::<String>::new()
    );
    store
        .database
        .administer("CREATE TABLE stray (id bigint); DROP TABLE parts")
        .await;
    assert_eq!(
        check_tables(&store.db).await.expect("a comparison"),
        [
            "depot: tables.toml declares `parts`, but the schema has no such table",
            "depot: the schema has the table `stray`, but tables.toml does not declare it",
        ]
    );
}

#[tokio::test]
async fn a_full_text_index_counts_as_one_table() {
    static INDEXED: ModuleSchema = ModuleSchema {
        module: "depot",
        migrations: &[
            THINGS,
            Migration {
                version: 2,
                name: "0002_words",
                sqlite: "-- offshoot: expand\nCREATE VIRTUAL TABLE words USING fts5(name);",
                postgres: "-- offshoot: expand\n",
            },
        ],
        tables: "[tables]\nthings.kind = 'owned'\nparts.kind = 'owned'\nlabels.kind = 'owned'\n\
                 words = { kind = 'derived', rebuilt = 'from the things', engines = ['sqlite'] }\n",
    };
    let database = TestDatabase::new(Engine::Sqlite).await.expect("SQLite is always there");
    let db = Db::open(&INDEXED, &database.url, &DbOptions::default())
        .await
        .expect("a new store");
    assert_eq!(check_tables(&db).await.expect("a comparison"), Vec::<String>::new());
}

#[tokio::test]
async fn a_malformed_declaration_is_an_error() {
    static DERIVED: ModuleSchema = ModuleSchema {
        module: "depot",
        migrations: &[],
        tables: "[tables.words]\nkind = 'derived'\n",
    };
    let database = TestDatabase::new(Engine::Sqlite).await.expect("SQLite is always there");
    let db = Db::open(&DERIVED, &database.url, &DbOptions::default())
        .await
        .expect("a new store");
    let error = check_tables(&db).await.expect_err("`rebuilt` is missing");
    assert!(
        matches!(&error, OpenError::InvalidTablesFile { reason, .. } if reason.contains("rebuilt")),
        "{error}"
    );
}
