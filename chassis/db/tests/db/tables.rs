//! What a module says about its tables is compared with the live schema.

use offshoot_db::{Db, DbOptions, Engine, Migration, ModuleSchema, OpenError, check_tables};

use crate::store::{Place, Store, THINGS};

crate::on_both_engines!(declared_and_live_tables_agree_or_are_named);

async fn declared_and_live_tables_agree_or_are_named(store: Store) {
    assert_eq!(
        check_tables(&store.db).await.expect("a comparison"),
        Vec::<String>::new()
    );
    store
        .place
        .administer("CREATE TABLE stray (id bigint); DROP TABLE parts")
        .await;
    assert_eq!(
        check_tables(&store.db).await.expect("a comparison"),
        [
            "depot: tables.toml declares `parts`, which the schema lacks",
            "depot: the schema has `stray`, which tables.toml does not declare",
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
    let place = Place::new(Engine::Sqlite).await.expect("SQLite is always there");
    let db = Db::open(&INDEXED, &place.url, &DbOptions::default())
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
    let place = Place::new(Engine::Sqlite).await.expect("SQLite is always there");
    let db = Db::open(&DERIVED, &place.url, &DbOptions::default())
        .await
        .expect("a new store");
    let error = check_tables(&db).await.expect_err("how it is rebuilt is missing");
    assert!(
        matches!(&error, OpenError::BadTables { reason, .. } if reason.contains("rebuilt")),
        "{error}"
    );
}
