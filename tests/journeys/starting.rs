//! What keeps the store from starting is said in one message: what it is, and what to do.

use std::fs;
use std::path::Path;

use offshoot_tests::{Data, Engine, run};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

#[tokio::test]
async fn a_port_in_use_is_named_with_the_way_to_another() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address")
        .to_string();
    let data = Data::new(Engine::Sqlite).await;
    let refused = data.run(&["serve", "--listen", &address]).await;
    refused.expect_error(1, &[&address, "--listen"]);
}

#[tokio::test]
async fn a_missing_configuration_file_is_named() {
    run(&["serve", "--config", "nowhere.toml"])
        .await
        .expect_error(2, &["nowhere.toml"]);
}

#[tokio::test]
async fn a_setting_that_does_not_exist_is_named_with_its_file() {
    let data = Data::new(Engine::Sqlite).await;
    let file = data.folder().join("store.toml");
    fs::write(&file, "lissten = \"127.0.0.1:0\"\n").expect("the file can be written");
    let file = file.to_str().expect("temporary folders have plain names");
    data.run(&["serve", "--config", file])
        .await
        .expect_error(2, &["lissten", file, "offshoot config"]);
}

#[tokio::test]
async fn a_module_that_is_needed_and_off_is_named() {
    let data = Data::new(Engine::Sqlite).await;
    data.run(&["serve", "--only", "carts", "--listen", "127.0.0.1:0"])
        .await
        .expect_error(1, &["catalog", "--remote catalog="]);
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_is_named() {
    let data = Data::new(Engine::Sqlite).await;
    let place = data.folder().join("taken");
    fs::write(&place, "").expect("the file can be written");
    let place = place.to_str().expect("temporary folders have plain names");
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", place]).await;
    refused.expect_error(1, &[place]);
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_named() {
    // Not even a superuser, as whom CI runs, can make a file there.
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", "/sys"]).await;
    refused.expect_error(1, &["/sys", "--data-dir"]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_and_left_alone() {
    let data = Data::new(Engine::Sqlite).await;
    let file = data.folder().join("catalog.db");
    let garbage = "not a database ".repeat(1_000);
    fs::write(&file, &garbage).expect("the file can be written");
    let path = file.to_str().expect("temporary folders have plain names");
    data.run(&["serve", "--listen", "127.0.0.1:0"])
        .await
        .expect_error(1, &[path, "backup"]);
    assert_eq!(fs::read_to_string(&file).ok(), Some(garbage));
}

#[tokio::test]
async fn a_schema_that_a_newer_binary_has_reduced_is_refused_by_name() {
    let data = Data::new(Engine::Sqlite).await;
    data.run(&["db", "migrate"]).await.expect_success();
    note_unknown_migration(&data.folder().join("catalog.db")).await;
    let refused = data.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    refused.expect_error(1, &["catalog.db", "0999_reduced", "run a binary that knows it"]);
}

#[tokio::test]
async fn a_postgres_schema_that_is_not_migrated_is_refused_with_the_command() {
    let Some(server) = offshoot_testkit::postgres::server() else {
        return;
    };
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("the server answers");
    sqlx::raw_sql("CREATE DATABASE not_migrated")
        .execute(&mut connection)
        .await
        .expect("a test may make databases");
    let data = Data::new(Engine::Sqlite).await;
    let url = server.url("not_migrated");
    let refused = data
        .run(&["serve", "--listen", "127.0.0.1:0", "--database", &url])
        .await;
    refused.expect_error(1, &["catalog", "offshoot db migrate --database"]);
}

#[tokio::test]
async fn a_postgres_server_that_is_not_there_is_named() {
    let data = Data::new(Engine::Sqlite).await;
    let url = "postgres://somebody:secret@127.0.0.1:1/store";
    let refused = data.run(&["serve", "--listen", "127.0.0.1:0", "--database", url]).await;
    refused.expect_error(1, &["127.0.0.1:1", "check that it runs"]);
    assert!(
        !refused.stderr.contains("secret"),
        "a password is shown: {}",
        refused.stderr
    );
}

/// What a newer binary leaves when it has removed something.
async fn note_unknown_migration(file: &Path) {
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&url)
        .await
        .expect("the store's own file opens");
    let insert = "INSERT INTO offshoot_migrations (set_name, version, name, kind, checksum, applied_at)
                  VALUES ('catalog', 999, '0999_reduced', 'contract', x'00', 0)";
    sqlx::raw_sql(insert)
        .execute(&mut connection)
        .await
        .expect("the history takes a line");
    connection.close().await.expect("the store's own file closes");
}
