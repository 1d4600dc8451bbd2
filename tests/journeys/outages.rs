//! Baskets bought while the disk is full, or while the database's answers get lost: what was told to a buyer holds.

use offshoot_testkit::proxy::{Fault, Proxy};
use offshoot_tests::{Data, Engine, Process};

use super::interrupted_import::SAMPLE;
use super::is_there;
use super::replaying::{QUICK, ledger_agrees};

/// One COMMIT of so many is executed and not answered: about every second order is hit.
const LOST: u32 = 17;
/// What a file may grow by until the disk is full: some dozen orders.
const ROOM: u64 = 400 << 10;

fn buying<'a>(store: &'a Process, patience: &'a str) -> Vec<&'a str> {
    let buying = [
        "replay",
        "online-retail",
        SAMPLE,
        "--limit",
        "150",
        "--seed",
        "7",
        "--run",
        "outage",
    ];
    let mut buying = buying.to_vec();
    buying.extend(["--url", store.url(), "--patience", patience]);
    buying
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_whose_answers_are_lost_lose_nothing() {
    if !is_there(Engine::Postgres) {
        return;
    }
    let data = Data::new(Engine::Postgres).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    let proxy = Proxy::before(data.database().expect("it is on Postgres")).await;
    let data = data.through(proxy.url.clone());
    let store = data.serve_with(&QUICK, &[]).await;
    store.ready().await;
    proxy.fault.send_replace(Fault::LoseAnswerOfOneIn(LOST));
    let bought = data.run(&buying(&store, "60s")).await;
    proxy.fault.send_replace(Fault::None);
    bought.expect_success();
    assert!(proxy.lost() > 20, "only {} answers were lost", proxy.lost());
    data.run(&["replay", "proofs"]).await.expect_success();
    ledger_agrees(&data, &store).await;
    store.stop().await;
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let data = Data::new(Engine::Sqlite).await;
    data.run(&["import", "online-retail", SAMPLE]).await.expect_success();
    let files = std::fs::read_dir(data.folder()).expect("it is a folder");
    let size = |file: std::io::Result<std::fs::DirEntry>| file.and_then(|file| file.metadata()).expect("a file").len();
    let largest = files.map(size).max().expect("a store has files");
    let store = data.serve_on_a_small_disk(largest + ROOM, &[]).await;
    let address = store.address().to_owned();
    let bought = data.run(&buying(&store, "1s")).await;
    assert_eq!(bought.code, Some(1), "{}{}", bought.stdout, bought.stderr);
    store.logged("disk").await;
    store.stop().await;
    let store = data.serve(&["--listen", &address]).await;
    data.run(&buying(&store, "60s")).await.expect_success();
    ledger_agrees(&data, &store).await;
    store.stop().await;
}
