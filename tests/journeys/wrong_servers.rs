//! A wrong server at the catalog's address: another store, a catalog with another service key, a server of another
//! kind.

use std::fs;

use offshoot_tests::{Client, Data, Engine, MODULES, Process, Response, free_address};
use serde_json::json;
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

/// Two stores with the same service keys.
async fn two_stores() -> (Data, Data) {
    let (own, foreign) = (Data::new(Engine::Sqlite).await, Data::new(Engine::Sqlite).await);
    foreign.serve(&["--only", "catalog"]).await.stop().await;
    fs::copy(foreign.folder().join("service.key"), own.folder().join("service.key"))
        .expect("the service key is copied");
    (own, foreign)
}

async fn add_product(process: &Process, data: &Data) -> Response {
    let client = Client::new(process.url()).with_token(data.operator_token());
    let price = json!({ "amount": "2.50", "currency": "GBP" });
    let product = json!({ "sku": "L-1", "name": "Lantern", "category": "garden", "price": price });
    client.json("POST", "/api/v1/admin/products", &product).await
}

/// Number of products of the catalog in this data. No process may be running.
async fn products_of(data: &Data) -> usize {
    let store = data.serve(&[]).await;
    let products = Client::new(store.url()).get("/api/v1/products").await.expect(200);
    store.stop().await;
    products["items"].as_array().map_or(0, Vec::len)
}

/// A directory with data of its own takes no store by itself, whichever process starts first.
#[tokio::test]
async fn a_fresh_directory_with_data_of_its_own_sends_nothing_to_an_unknown_store() {
    for front_starts_first in [true, false] {
        let (own, foreign) = two_stores().await;
        let address = free_address();
        let serve_foreign = || async { foreign.serve(&["--only", "catalog", "--listen", &address]).await };
        let url = format!("http://{address}");
        let (front, other) = if front_starts_first {
            let front = serve_front(&own, &url).await;
            (front, serve_foreign().await)
        } else {
            let other = serve_foreign().await;
            (serve_front(&own, &url).await, other)
        };
        add_product(&front, &own).await.expect_problem(502, "wrong-contract");
        let reason = unready_reason(&front, &own).await;
        let record = own.folder().join("catalog.store");
        let store = fs::read_to_string(foreign.folder().join("catalog.store")).expect("a store id");
        let command = format!("echo {} > {}", store.trim(), record.display());
        assert!(reason.contains(&command), "{command} is missing in: {reason}");
        // The operator says that it is the right one.
        fs::write(&record, store).expect("the directory is writable");
        add_product(&front, &own).await.expect(201);
        front.stop().await;
        other.stop().await;
        assert_eq!(products_of(&foreign).await, 1);
    }
}

/// With its own catalog, a fresh store has an id of its own, which the address must show.
#[tokio::test]
async fn a_fresh_store_with_an_address_of_another_store_sends_nothing_there_even_by_force() {
    let (own, foreign) = two_stores().await;
    let other = foreign.serve(&["--only", "catalog"]).await;
    let front = own.serve(&["--urls", &format!("catalog={}", other.url())]).await;
    front.wait_for_log("wrong target").await;
    let set = ["placement", "set", "catalog", "remote", "--of", front.url()];
    own.run_command(&set)
        .await
        .expect_error(1, &["was called", "is served here", other.url()]);
    own.run_command(&[&set[..], &["--force"]].concat())
        .await
        .expect_success();
    add_product(&front, &own).await.expect_problem(502, "wrong-contract");
    front.stop().await;
    other.stop().await;
    assert_eq!(products_of(&foreign).await, 0);
}

#[tokio::test]
async fn a_front_without_data_takes_the_first_store_says_so_and_keeps_to_it() {
    let (own, foreign) = two_stores().await;
    let third = Data::new(Engine::Sqlite).await;
    fs::copy(own.folder().join("service.key"), third.folder().join("service.key")).expect("the service key is copied");
    let address = free_address();
    let remotes: Vec<_> = MODULES
        .iter()
        .map(|module| format!("{module}=http://{address}"))
        .collect();
    let flags: Vec<_> = remotes.iter().flat_map(|remote| ["--remote", remote]).collect();
    let store = foreign.serve(&["--listen", &address]).await;
    let front = own.serve(&flags).await;
    add_product(&front, &own).await.expect(201);
    let record = |data: &Data| fs::read_to_string(data.folder().join("catalog.store")).expect("a store id");
    assert_eq!(record(&own), record(&foreign));
    front.wait_for_log("has no data and takes").await;
    front.stop().await;
    store.stop().await;
    assert_eq!(products_of(&foreign).await, 1);
    // Another store at the same address is not taken, also after a restart.
    let store = third.serve(&["--listen", &address]).await;
    let front = own.serve(&flags).await;
    add_product(&front, &own).await.expect_problem(502, "wrong-contract");
    front.stop().await;
    store.stop().await;
    assert_eq!(products_of(&third).await, 0);
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
