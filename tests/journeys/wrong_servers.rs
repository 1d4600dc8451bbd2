//! A wrong server at the catalog's address: another store, a catalog with another service key, a server of another
//! kind.

use std::fs;

use offshoot_tests::{Client, Data, Engine, Process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_catalog_of_another_store_is_refused_with_both_store_ids() {
    let own = Data::new(Engine::Sqlite).await;
    let catalog = own.serve(&["--only", "catalog"]).await;
    let foreign = Data::new(Engine::Sqlite).await;
    fs::copy(own.folder().join("service.key"), foreign.folder().join("service.key"))
        .expect("the service key is copied");
    let other = foreign.serve(&["--only", "catalog"]).await;

    let front = serve_front(&own, other.url()).await;
    Client::new(front.url())
        .get("/api/v1/products")
        .await
        .expect_problem(502, "wrong-contract");
    let reason = unready_reason(&front, &own).await;
    for data in [&own, &foreign] {
        let store =
            fs::read_to_string(data.folder().join("catalog.store")).expect("each data directory notes the store id");
        assert!(reason.contains(store.trim()), "{store} is missing in: {reason}");
    }
    for process in [front, other, catalog] {
        process.stop().await;
    }
}

#[tokio::test]
async fn a_catalog_with_another_service_key_is_reported() {
    let foreign = Data::new(Engine::Sqlite).await;
    let other = foreign.serve(&["--only", "catalog"]).await;
    let own = Data::new(Engine::Sqlite).await;
    let front = serve_front(&own, other.url()).await;
    // The status must be a server error: the shopper sent no token that could be wrong.
    let browsing = Client::new(front.url()).get("/api/v1/products").await;
    assert!(browsing.status >= 500, "{}", browsing.text);
    let reason = unready_reason(&front, &own).await;
    assert!(
        reason.contains(other.url()) && reason.contains("key"),
        "the address or the remedy is missing in: {reason}"
    );
    front.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_server_of_another_kind_is_reported_as_502() {
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<h1>Hello.</h1>",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        "SSH-2.0-OpenSSH_9.2p1\r\n",
    ] {
        let address = serve_fixed_response(response).await;
        let own = Data::new(Engine::Sqlite).await;
        let front = serve_front(&own, &format!("http://{address}")).await;
        let client = Client::new(front.url());
        let response = client.get("/api/v1/products").await;
        assert_eq!(response.expect(502)["status"], 502);
        assert_eq!(client.get("/health/ready").await.expect(503)["ready"], false);
        front.stop().await;
    }
}

async fn serve_front(data: &Data, catalog: &str) -> Process {
    data.serve(&["--remote", &format!("catalog={catalog}")]).await
}

/// The reason that the process gives for the catalog's missing readiness.
async fn unready_reason(front: &Process, data: &Data) -> String {
    let operator = Client::new(front.url()).with_token(data.operator_token());
    let ready = operator.get("/admin/readiness").await.expect(503);
    ready["modules"][0]["reason"]
        .as_str()
        .expect("an unready module has a reason")
        .to_owned()
}

/// Starts a server that answers every request with the same bytes. The server ends with the test.
async fn serve_fixed_response(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Errors are ignored: the client may have closed the connection.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    address.to_string()
}
