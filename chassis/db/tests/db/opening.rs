//! A database that cannot be opened says what it is, what is wrong with it, and what to do.

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, PgBudget, migrate};
use sqlx::{Connection, SqliteConnection};

use crate::store::{DEPOT, Place, Store};

async fn refused(url: &DatabaseUrl, options: &DbOptions) -> OpenError {
    let error = Db::open(&DEPOT, url, options)
        .await
        .map(drop)
        .expect_err("it cannot be opened");
    assert!(!error.to_string().contains("secret"), "{error}");
    error
}

async fn sqlite() -> Place {
    Place::new(Engine::Sqlite).await.expect("SQLite is always there")
}

#[tokio::test]
async fn a_missing_directory_is_made() {
    let place = sqlite().await;
    let directory = place.directory().join("a/b/c");
    Db::open(&DEPOT, &DatabaseUrl::sqlite(&directory), &DbOptions::default())
        .await
        .expect("a new store");
    assert!(directory.join("depot.db").is_file());
}

#[tokio::test]
async fn a_directory_that_is_a_file_is_named() {
    let place = sqlite().await;
    let file = place.directory().join("data");
    fs::write(&file, "").expect("a file");
    let error = refused(&DatabaseUrl::sqlite(&file), &DbOptions::default()).await;
    assert!(
        matches!(&error, OpenError::Directory { path, .. } if *path == file),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_a_directory_is_named() {
    let place = sqlite().await;
    fs::create_dir(place.directory().join("depot.db")).expect("a folder");
    let error = refused(&place.url, &DbOptions::default()).await;
    assert!(
        matches!(&error, OpenError::CannotOpen { .. }) && error.to_string().contains("depot.db"),
        "{error}"
    );
}

#[tokio::test]
async fn a_damaged_file_asks_for_a_backup() {
    let place = sqlite().await;
    fs::write(
        place.directory().join("depot.db"),
        "this is not a database, but long enough. ".repeat(100),
    )
    .expect("a file");
    let error = refused(&place.url, &DbOptions::default()).await;
    assert!(matches!(&error, OpenError::NotADatabase { .. }), "{error:?}");
    assert!(
        error.to_string().contains("depot.db") && error.to_string().contains("restore a backup"),
        "{error}"
    );
}

#[tokio::test]
async fn a_read_only_file_asks_for_rights() {
    let place = sqlite().await;
    let path = place.directory().join("depot.db");
    let url = format!("sqlite:{}?mode=rwc", path.display());
    let mut connection = SqliteConnection::connect(&url).await.expect("a file");
    sqlx::raw_sql("CREATE TABLE something (id INTEGER)")
        .execute(&mut connection)
        .await
        .expect("a table");
    connection.close().await.expect("a file");
    // A write version that SQLite does not know makes a file read-only for every user, also for root.
    let file = fs::OpenOptions::new().write(true).open(&path).expect("the file");
    file.write_all_at(&[9], 18).expect("its header");
    let error = refused(&place.url, &DbOptions::default()).await;
    assert!(matches!(&error, OpenError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("depot.db"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_keeps_locked_is_waited_for_and_then_named() {
    let place = sqlite().await;
    let path = place.directory().join("depot.db");
    let url = format!("sqlite:{}?mode=rwc", path.display());
    let mut holder = SqliteConnection::connect(&url).await.expect("a file");
    sqlx::raw_sql("PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE")
        .execute(&mut holder)
        .await
        .expect("its lock");
    let impatient = DbOptions {
        migration_patience: Duration::from_millis(300),
        ..DbOptions::default()
    };
    let error = refused(&place.url, &impatient).await;
    assert!(matches!(&error, OpenError::Locked { .. }), "{error:?}");
    let options = DbOptions::default();
    let open = Db::open(&DEPOT, &place.url, &options);
    let end = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("its end");
    };
    let (opened, ()) = tokio::join!(open, end);
    opened.expect("the lock was given up");
}

#[tokio::test]
async fn a_schema_that_is_missing_or_behind_names_the_command() {
    static NEWER: ModuleSchema = ModuleSchema {
        module: "depot",
        migrations: &[
            crate::store::THINGS,
            offshoot_db::Migration {
                version: 2,
                name: "0002_more",
                sqlite: "",
                postgres: "-- offshoot: expand\n",
            },
        ],
        tables: "",
    };
    static UNKNOWN: ModuleSchema = ModuleSchema {
        module: "never_migrated_anywhere",
        migrations: &[],
        tables: "",
    };
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    for schema in [&UNKNOWN, &NEWER] {
        let error = Db::open(schema, &store.place.url, &DbOptions::default())
            .await
            .map(drop);
        let error = error.expect_err("it is not up to date");
        assert!(matches!(error, OpenError::NotMigrated { .. }), "{error:?}");
        assert!(
            error.to_string().contains("offshoot db migrate --database postgres://"),
            "{error}"
        );
    }
    // The role is known on the server, the schema is not in this database.
    let empty = Place::new(Engine::Postgres).await.expect("there is a server");
    let error = refused(&empty.url, &DbOptions::default()).await;
    assert!(matches!(error, OpenError::NotMigrated { .. }), "{error:?}");
}

#[tokio::test]
async fn the_url_in_a_message_is_the_one_given_without_its_password() {
    let texts = [
        (
            "postgres://depot:secret@db.example:5433/main",
            "postgres://depot@db.example:5433/main",
        ),
        (
            "postgres://depot:secret@localhost/main?host=/run/pg",
            "postgres://depot@localhost:5432/main?host=/run/pg",
        ),
    ];
    for (text, shown) in texts {
        let url: DatabaseUrl = text.parse().expect("a URL");
        assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
        shown.parse::<DatabaseUrl>().expect("it can be used again");
    }
    assert_eq!(
        "sqlite:data".parse::<DatabaseUrl>().expect("a URL").to_string(),
        "sqlite:data"
    );
    for bad in [
        "mysql://depot:secret@host/main",
        "data",
        "sqlite:",
        "postgres://depot:secret@[/main",
    ] {
        let error = bad.parse::<DatabaseUrl>().expect_err(bad);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let url: DatabaseUrl = "postgres://depot:secret@127.0.0.1:1/main".parse().expect("a URL");
    let error = refused(&url, &DbOptions::default()).await;
    assert!(matches!(error, OpenError::NoConnection { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1/main"), "{error}");
}

#[tokio::test]
async fn a_budget_above_the_servers_limit_is_refused_with_numbers() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let options = DbOptions {
        postgres: PgBudget {
            connections: 100_000,
            modules: 3,
        },
        ..DbOptions::default()
    };
    let error = refused(&store.place.url, &options).await;
    assert!(
        matches!(error, OpenError::BudgetTooLarge { wanted: 99_999, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    static BAD: ModuleSchema = ModuleSchema {
        module: "Depot\"; DROP",
        migrations: &[],
        tables: "",
    };
    let place = sqlite().await;
    let error = migrate(&BAD, &place.url, &DbOptions::default())
        .await
        .expect_err("it is no name");
    assert!(matches!(error, OpenError::BadModuleName { .. }), "{error}");
}
