//! Errors of opening a database name the object, the reason and the remedy.

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use offshoot_db::{DatabaseUrl, Db, DbOptions, Engine, ModuleSchema, OpenError, PgBudget, migrate};
use sqlx::{Connection, SqliteConnection};

use crate::store::{Store, TEST_SCHEMA, TestDatabase};

async fn refused(url: &DatabaseUrl, options: &DbOptions) -> OpenError {
    let error = Db::open(&TEST_SCHEMA, url, options)
        .await
        .map(drop)
        .expect_err("the database cannot be opened");
    assert!(!error.to_string().contains("secret"), "{error}");
    error
}

async fn sqlite() -> TestDatabase {
    TestDatabase::new(Engine::Sqlite).await.expect("SQLite is always there")
}

#[tokio::test]
async fn a_missing_directory_is_created() {
    let database = sqlite().await;
    let directory = database.directory().join("a/b/c");
    Db::open(&TEST_SCHEMA, &DatabaseUrl::sqlite(&directory), &DbOptions::default())
        .await
        .expect("a new store");
    assert!(directory.join("depot.db").is_file());
}

#[tokio::test]
async fn a_file_in_place_of_the_data_directory_is_reported() {
    let database = sqlite().await;
    let file = database.directory().join("data");
    fs::write(&file, "").expect("a file");
    let error = refused(&DatabaseUrl::sqlite(&file), &DbOptions::default()).await;
    assert!(
        matches!(&error, OpenError::Directory { path, .. } if *path == file),
        "{error}"
    );
}

#[tokio::test]
async fn a_directory_in_place_of_the_database_file_is_reported() {
    let database = sqlite().await;
    fs::create_dir(database.directory().join("depot.db")).expect("a directory");
    let error = refused(&database.url, &DbOptions::default()).await;
    assert!(
        matches!(&error, OpenError::CannotOpen { .. }) && error.to_string().contains("depot.db"),
        "{error}"
    );
}

#[tokio::test]
async fn the_error_for_a_corrupted_file_names_a_backup_as_remedy() {
    let database = sqlite().await;
    fs::write(
        database.directory().join("depot.db"),
        "this is not a database, but long enough. ".repeat(100),
    )
    .expect("a file");
    let error = refused(&database.url, &DbOptions::default()).await;
    assert!(matches!(&error, OpenError::NotADatabase { .. }), "{error:?}");
    assert!(
        error.to_string().contains("depot.db") && error.to_string().contains("restore a backup"),
        "{error}"
    );
}

#[tokio::test]
async fn the_error_for_a_read_only_file_names_write_access_as_remedy() {
    let database = sqlite().await;
    let path = database.directory().join("depot.db");
    let url = format!("sqlite:{}?mode=rwc", path.display());
    let mut connection = SqliteConnection::connect(&url).await.expect("a file");
    sqlx::raw_sql("CREATE TABLE something (id INTEGER)")
        .execute(&mut connection)
        .await
        .expect("a table");
    connection.close().await.expect("a file");
    // An unknown write version in the header makes the file read-only for every user, root included.
    let file = fs::OpenOptions::new().write(true).open(&path).expect("the file");
    file.write_all_at(&[9], 18).expect("the file header");
    let error = refused(&database.url, &DbOptions::default()).await;
    assert!(matches!(&error, OpenError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("depot.db"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_waits_for_a_locked_file_and_then_reports_the_lock() {
    let database = sqlite().await;
    let path = database.directory().join("depot.db");
    let url = format!("sqlite:{}?mode=rwc", path.display());
    let mut holder = SqliteConnection::connect(&url).await.expect("a file");
    sqlx::raw_sql("PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE")
        .execute(&mut holder)
        .await
        .expect("an exclusive lock");
    let impatient = DbOptions {
        migration_lock_timeout: Duration::from_millis(300),
        ..DbOptions::default()
    };
    let error = refused(&database.url, &impatient).await;
    assert!(matches!(&error, OpenError::Locked { .. }), "{error:?}");
    let options = DbOptions::default();
    let open = Db::open(&TEST_SCHEMA, &database.url, &options);
    let end = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut holder)
            .await
            .expect("a rollback");
    };
    let (opened, ()) = tokio::join!(open, end);
    opened.expect("the lock was released");
}

#[tokio::test]
async fn the_error_for_a_missing_or_outdated_schema_names_the_command() {
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
        let error = Db::open(schema, &store.database.url, &DbOptions::default())
            .await
            .map(drop);
        let error = error.expect_err("the schema is not up to date");
        assert!(matches!(error, OpenError::NotMigrated { .. }), "{error:?}");
        assert!(
            error.to_string().contains("offshoot db migrate --database postgres://"),
            "{error}"
        );
    }
    // The role exists on the server, but this database has no schema.
    let empty = TestDatabase::new(Engine::Postgres).await.expect("a Postgres server");
    let error = refused(&empty.url, &DbOptions::default()).await;
    assert!(matches!(error, OpenError::NotMigrated { .. }), "{error:?}");
}

#[tokio::test]
async fn a_displayed_url_omits_the_password() {
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
        shown.parse::<DatabaseUrl>().expect("a displayed URL is a valid URL");
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
async fn an_unreachable_server_is_reported_with_its_address() {
    let url: DatabaseUrl = "postgres://depot:secret@127.0.0.1:1/main".parse().expect("a URL");
    let error = refused(&url, &DbOptions::default()).await;
    assert!(matches!(error, OpenError::CannotConnect { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1/main"), "{error}");
}

#[tokio::test]
async fn a_connection_budget_above_the_servers_limit_is_rejected() {
    let Some(store) = Store::new(Engine::Postgres).await else {
        return;
    };
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(100_000),
            modules: 3,
        },
        ..DbOptions::default()
    };
    let error = refused(&store.database.url, &options).await;
    assert!(
        matches!(error, OpenError::BudgetTooLarge { wanted: 99_999, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_invalid_module_name_is_rejected() {
    static BAD: ModuleSchema = ModuleSchema {
        module: "Depot\"; DROP",
        migrations: &[],
        tables: "",
    };
    let database = sqlite().await;
    let error = migrate(&BAD, &database.url, &DbOptions::default())
        .await
        .expect_err("the name is not valid");
    assert!(matches!(error, OpenError::InvalidModuleName { .. }), "{error}");
}
