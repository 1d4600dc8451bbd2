//! Startup errors: one message names the cause and the remedy.

use std::fs;
use std::path::Path;

use offshoot_tests::{Client, Data, Engine, Process, create_database, run_offshoot};
use sqlx::{Connection as _, SqliteConnection};

use super::is_available;

#[tokio::test]
async fn a_port_in_use_is_reported_with_the_flag_for_another_port() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address")
        .to_string();
    let data = Data::new(Engine::Sqlite).await;
    let refused = data.run_command(&["serve", "--listen", &address]).await;
    refused.expect_error(1, &[&address, "--listen"]);
}

#[tokio::test]
async fn a_missing_configuration_file_is_reported() {
    run_offshoot(&["serve", "--config", "nowhere.toml"])
        .await
        .expect_error(2, &["nowhere.toml"]);
}

#[tokio::test]
async fn an_unknown_setting_is_reported_with_the_file() {
    let data = Data::new(Engine::Sqlite).await;
    let file = data.folder().join("store.toml");
    fs::write(&file, "lissten = \"127.0.0.1:0\"\n").expect("the file is writable");
    let file = file.to_str().expect("temporary folders have UTF-8 names");
    data.run_command(&["serve", "--config", file])
        .await
        .expect_error(2, &["lissten", file, "offshoot config"]);
}

#[tokio::test]
async fn a_required_module_that_is_off_is_reported() {
    let data = Data::new(Engine::Sqlite).await;
    data.run_command(&["serve", "--only", "carts", "--listen", "127.0.0.1:0"])
        .await
        .expect_error(1, &["catalog", "--remote catalog="]);
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_is_reported() {
    let data = Data::new(Engine::Sqlite).await;
    let path = data.folder().join("taken");
    fs::write(&path, "").expect("the file is writable");
    let path = path.to_str().expect("temporary folders have UTF-8 names");
    let refused = run_offshoot(&["serve", "--listen", "127.0.0.1:0", "--data-dir", path]).await;
    refused.expect_error(1, &[path]);
}

#[tokio::test]
async fn a_read_only_data_directory_is_reported() {
    // `/sys` is read-only even for root, the user of CI.
    let refused = run_offshoot(&["serve", "--listen", "127.0.0.1:0", "--data-dir", "/sys"]).await;
    refused.expect_error(1, &["/sys", "--data-dir"]);
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_reported_and_not_changed() {
    let data = Data::new(Engine::Sqlite).await;
    let file = data.folder().join("catalog.db");
    let garbage = "not a database ".repeat(1_000);
    fs::write(&file, &garbage).expect("the file is writable");
    let path = file.to_str().expect("temporary folders have UTF-8 names");
    data.run_command(&["serve", "--listen", "127.0.0.1:0"])
        .await
        .expect_error(1, &[path, "backup"]);
    assert_eq!(fs::read_to_string(&file).ok(), Some(garbage));
}

#[tokio::test]
async fn a_schema_with_an_unknown_contract_migration_is_refused() {
    let data = Data::new(Engine::Sqlite).await;
    data.run_command(&["db", "migrate"]).await.expect_success();
    record_unknown_migration(&data.folder().join("catalog.db")).await;
    let refused = data.run_command(&["serve", "--listen", "127.0.0.1:0"]).await;
    refused.expect_error(
        1,
        &["catalog.db", "0999_reduced", "run a binary that has this migration"],
    );
}

#[tokio::test]
async fn an_unmigrated_postgres_schema_is_refused_with_the_command() {
    if !is_available(Engine::Postgres) {
        return;
    }
    let empty = create_database().await;
    let data = Data::new(Engine::Sqlite).await;
    let refused = data
        .run_command(&["serve", "--listen", "127.0.0.1:0", "--database", empty.url()])
        .await;
    refused.expect_error(1, &["catalog", "offshoot db migrate --database"]);
}

#[tokio::test]
async fn an_unreachable_postgres_server_is_reported() {
    let data = Data::new(Engine::Sqlite).await;
    let url = "postgres://somebody:secret@127.0.0.1:1/store";
    let refused = data
        .run_command(&["serve", "--listen", "127.0.0.1:0", "--database", url])
        .await;
    refused.expect_error(1, &["127.0.0.1:1", "check that the server runs"]);
    assert!(
        !refused.stderr.contains("secret"),
        "a password is shown: {}",
        refused.stderr
    );
}

/// Records an unknown `contract` migration, as a newer binary would.
async fn record_unknown_migration(file: &Path) {
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&url).await.expect("the database file opens");
    let insert = "INSERT INTO offshoot_migrations (set_name, version, name, kind, checksum, applied_at)
                  VALUES ('catalog', 999, '0999_reduced', 'contract', x'00', 0)";
    sqlx::raw_sql(insert)
        .execute(&mut connection)
        .await
        .expect("the migration is recorded");
    connection.close().await.expect("the database file closes");
}

#[tokio::test]
async fn two_processes_that_start_at_once_on_an_empty_directory_both_serve() {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let path = folder.path().to_str().expect("temporary folders have UTF-8 names");
    let arguments = [
        "serve",
        "--sample",
        "yes",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        path,
    ];
    let log = folder.path().join("process.log");
    let start = || Process::start(&arguments, log.clone());
    let (first, second) = tokio::join!(start(), start());
    for process in [&first, &second] {
        process.wait_until_ready().await;
        let page = Client::new(process.url()).get("/api/v1/products").await.expect(200);
        assert_eq!(page["items"].as_array().map(Vec::len), Some(20));
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_missing_file_of_a_recorded_store_is_not_begun_anew() {
    let data = Data::new(Engine::Sqlite).await;
    data.serve(&[]).await.stop().await;
    let (file, aside) = (data.folder().join("catalog.db"), data.folder().join("aside"));
    fs::rename(&file, &aside).expect("a stopped store has one file");
    let path = file.to_str().expect("temporary folders have UTF-8 names");
    let refused = data.run_command(&["serve", "--listen", "127.0.0.1:0"]).await;
    refused.expect_error(1, &[path, "is missing", "catalog.store", "backup restore"]);
    assert!(!file.exists());
    fs::rename(&aside, &file).expect("the file comes back");
    data.serve(&[]).await.stop().await;
}
