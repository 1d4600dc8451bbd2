//! A store whose restore was killed: no process and no command opens the data until the named command has finished the restore.

use std::process::Stdio;

use offshoot_tests::{Client, CommandOutput, Data, Engine};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::crash_points::ShopFixture;

on_both_engines! {
    no_process_opens_a_store_while_a_restore_has_not_ended,
    a_process_that_starts_beside_a_restore_sees_all_of_it_or_nothing,
}

/// Points at which the data is changed in part.
const POINTS: [&str; 3] = ["restore-marked", "restore-moved-aside", "restore-replaced-one"];

/// Runs a restore until `point` and kills it there.
async fn kill_at(data: &Data, restore: &[&str], point: &str) {
    let mut command = data.command(restore);
    command.env("OFFSHOOT_HALT_AT", point).stderr(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().expect("the binary starts");
    let stderr = child.stderr.take().expect("stderr was piped");
    let mut lines = BufReader::new(stderr).lines();
    let halted = format!("halted at {point}");
    while lines
        .next_line()
        .await
        .expect("stderr is UTF-8")
        .expect("the restore halts")
        != halted
    {}
    child.kill().await.expect("the child was not reaped before");
}

/// The command between backticks at the end of an error, as arguments.
fn command_in(refused: &CommandOutput) -> Vec<String> {
    let mut parts = refused.stderr.rsplit('`');
    let command = parts.nth(1).expect("the error names a command");
    let words = command.split(' ').skip(1);
    words.map(|word| word.trim_matches('\'').to_owned()).collect()
}

async fn catalog_size(data: &Data) -> usize {
    let store = data.serve(&[]).await;
    let products = Client::new(store.url()).get("/api/v1/products").await.expect(200);
    store.stop().await;
    products["items"].as_array().map_or(0, Vec::len)
}

/// Adds a product that the backup lacks.
async fn add_product(data: &Data) {
    let store = data.serve(&[]).await;
    let client = Client::new(store.url()).with_token(data.operator_token());
    let price = serde_json::json!({ "amount": "1.00", "currency": "GBP" });
    let product = serde_json::json!({ "sku": "L-2", "name": "Later", "category": "garden", "price": price });
    let path = "/api/v1/admin/products";
    client.json("POST", path, &product).await.expect(201);
    store.stop().await;
}

async fn no_process_opens_a_store_while_a_restore_has_not_ended(engine: Engine) {
    let data = ShopFixture::new(engine).await.data;
    let backup = data.folder().join("the backup").display().to_string();
    let create = ["backup", "create", "--to", &backup];
    data.run_command(&create).await.expect_success();
    let restore = ["backup", "restore", &backup, "--replace"];
    for point in POINTS {
        add_product(&data).await;
        assert_eq!(catalog_size(&data).await, 2);
        kill_at(&data, &restore, point).await;
        let elsewhere = data.folder().join("another").display().to_string();
        for opening in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["events", "status"],
            &["sagas", "list"],
            &["db", "migrate"],
            &["db", "status"],
            &["replay", "proofs"],
            &["backup", "create", "--to", &elsewhere],
        ] {
            let refused = data.run_command(opening).await;
            refused.expect_error(1, &["a restore into", "has not ended", "backup restore"]);
        }
        let examined = data.run_command(&["doctor", "--json"]).await;
        assert_eq!(examined.code, Some(1), "{point}: {}", examined.stdout);
        let examined: Value = serde_json::from_str(&examined.stdout).expect("stdout is JSON");
        assert!(examined.to_string().contains("has not ended"), "{examined}");

        let refused = data.run_command(&["serve", "--listen", "127.0.0.1:0"]).await;
        // The folder's name has a space, which the shell would read between quotes.
        let finish = refused.stderr.replace(&backup, "BACKUP");
        let finish = command_in(&CommandOutput {
            stderr: finish,
            ..refused
        });
        let finish: Vec<_> = finish
            .iter()
            .map(|word| if word == "BACKUP" { &*backup } else { word })
            .collect();
        data.run_command(&finish).await.expect_success();
        assert_eq!(catalog_size(&data).await, 1, "{point}");
        data.run_command(&["replay", "proofs"]).await.expect_success();
    }
}

/// The restore looks for processes after it has set its mark, and a process looks for the mark after it has opened the data.
async fn a_process_that_starts_beside_a_restore_sees_all_of_it_or_nothing(engine: Engine) {
    let data = ShopFixture::new(engine).await.data;
    let backup = data.folder().join("backup").display().to_string();
    data.run_command(&["backup", "create", "--to", &backup])
        .await
        .expect_success();
    add_product(&data).await;
    for _ in 0..4 {
        let restore = ["backup", "restore", &backup, "--replace"];
        let prove = ["replay", "proofs"];
        let (restored, opened) = tokio::join!(data.run_command(&restore), data.run_command(&prove));
        for ended in [&restored, &opened] {
            let is_refused = ended.stderr.contains("is in use") || ended.stderr.contains("has not ended");
            assert!(ended.code == Some(0) || is_refused, "{}", ended.stderr);
        }
    }
    data.run_command(&["backup", "restore", &backup, "--replace"])
        .await
        .expect_success();
    assert_eq!(catalog_size(&data).await, 1);
}
