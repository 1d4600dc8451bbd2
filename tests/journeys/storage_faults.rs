//! Storage faults while baskets are bought: a full disk, and COMMITs with lost responses. Every confirmation to a buyer
//! must hold.

use offshoot_testkit::proxy::{Fault, FaultProxy};
use offshoot_tests::{Data, Engine, Process};

use super::interrupted_import::SAMPLE_CSV;
use super::is_available;
use super::replay::{FAST_RECOVERY, assert_ledger_matches_revenue};

/// One in this many COMMITs executes but loses its response; about every second order is affected.
const LOSE_ONE_IN: u32 = 17;
/// Bytes that a file may grow before the disk is full: enough for some dozen orders.
const FREE_BYTES: u64 = 400 << 10;

fn replay_arguments<'a>(store: &'a Process, patience: &'a str) -> Vec<&'a str> {
    let fixed = [
        "replay",
        "online-retail",
        SAMPLE_CSV,
        "--limit",
        "150",
        "--seed",
        "7",
        "--run",
        "outage",
    ];
    let mut arguments = fixed.to_vec();
    arguments.extend(["--url", store.url(), "--patience", patience]);
    arguments
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_commit_responses_lose_no_order() {
    if !is_available(Engine::Postgres) {
        return;
    }
    let data = Data::new(Engine::Postgres).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    let proxy = FaultProxy::start(data.database().expect("the data is on Postgres")).await;
    let data = data.with_database(proxy.url.clone());
    let store = data.serve_with(&FAST_RECOVERY, &[]).await;
    store.wait_until_ready().await;
    proxy.fault.send_replace(Fault::LoseResponseOfOneIn(LOSE_ONE_IN));
    let bought = data.run_command(&replay_arguments(&store, "60s")).await;
    proxy.fault.send_replace(Fault::None);
    bought.expect_success();
    assert!(
        proxy.lost_responses() > 20,
        "only {} responses were lost",
        proxy.lost_responses()
    );
    data.run_command(&["replay", "proofs"]).await.expect_success();
    assert_ledger_matches_revenue(&data, &store).await;
    store.stop().await;
}

#[tokio::test]
async fn a_full_disk_loses_no_order() {
    let data = Data::new(Engine::Sqlite).await;
    data.run_command(&["import", "online-retail", SAMPLE_CSV])
        .await
        .expect_success();
    let files = std::fs::read_dir(data.folder()).expect("the data directory is readable");
    let size = |file: std::io::Result<std::fs::DirEntry>| {
        file.and_then(|file| file.metadata())
            .expect("file metadata is readable")
            .len()
    };
    let largest = files.map(size).max().expect("a store has files");
    let store = data.serve_with_file_limit(largest + FREE_BYTES, &[]).await;
    let address = store.address().to_owned();
    let bought = data.run_command(&replay_arguments(&store, "1s")).await;
    assert_eq!(bought.code, Some(1), "{}{}", bought.stdout, bought.stderr);
    store.wait_for_log("disk").await;
    store.stop().await;
    let store = data.serve(&["--listen", &address]).await;
    data.run_command(&replay_arguments(&store, "60s"))
        .await
        .expect_success();
    assert_ledger_matches_revenue(&data, &store).await;
    store.stop().await;
}
