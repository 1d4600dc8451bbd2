//! Somebody else behind the catalog's address: another store, one with another key, something that is no store.

use std::fs;

use offshoot_tests::{Client, Data, Engine, Process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[tokio::test]
async fn another_store_behind_the_address_is_refused_and_both_are_named() {
    let ours = Data::new(Engine::Sqlite).await;
    let catalog = ours.serve(&["--only", "catalog"]).await;
    let theirs = Data::new(Engine::Sqlite).await;
    fs::copy(ours.folder().join("service.key"), theirs.folder().join("service.key")).expect("both have one key");
    let other = theirs.serve(&["--only", "catalog"]).await;

    let front = front(&ours, other.url()).await;
    Client::new(front.url())
        .get("/api/v1/products")
        .await
        .expect_problem(502, "wrong-contract");
    let reason = unready(&front).await;
    for data in [&ours, &theirs] {
        let store = fs::read_to_string(data.folder().join("catalog.store")).expect("each notes its store");
        assert!(reason.contains(store.trim()), "{store} is missing in: {reason}");
    }
    for process in [front, other, catalog] {
        process.stop().await;
    }
}

#[tokio::test]
async fn a_catalog_with_another_key_refuses_and_that_is_said() {
    let theirs = Data::new(Engine::Sqlite).await;
    let other = theirs.serve(&["--only", "catalog"]).await;
    let ours = Data::new(Engine::Sqlite).await;
    let front = front(&ours, other.url()).await;
    // The shopper has no token that could be wrong: this is a matter between processes.
    let browsing = Client::new(front.url()).get("/api/v1/products").await;
    assert!(browsing.status >= 500, "{}", browsing.text);
    let reason = unready(&front).await;
    assert!(
        reason.contains(other.url()) && reason.contains("key"),
        "address and remedy are missing in: {reason}"
    );
    front.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn what_is_no_store_behind_the_address_is_a_bad_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<h1>Hello.</h1>",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        "SSH-2.0-OpenSSH_9.2p1\r\n",
    ] {
        let address = stranger(answer).await;
        let ours = Data::new(Engine::Sqlite).await;
        let front = front(&ours, &format!("http://{address}")).await;
        let client = Client::new(front.url());
        let answer = client.get("/api/v1/products").await;
        assert_eq!(answer.expect(502)["status"], 502);
        assert_eq!(
            client.get("/health/ready").await.expect(503)["modules"][0]["ready"],
            false
        );
        front.stop().await;
    }
}

async fn front(data: &Data, catalog: &str) -> Process {
    data.serve(&["--remote", &format!("catalog={catalog}")]).await
}

/// Why the process is not ready: what it says about the catalog.
async fn unready(front: &Process) -> String {
    let ready = Client::new(front.url()).get("/health/ready").await.expect(503);
    ready["modules"][0]["reason"]
        .as_str()
        .expect("there is a reason")
        .to_owned()
}

/// A server that says the same to everybody. It ends with the test.
async fn stranger(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Who breaks off hears no more.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address.to_string()
}
