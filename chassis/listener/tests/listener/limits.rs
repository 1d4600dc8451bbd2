//! Connections at the limits.

use offshoot_listener::ListenerLimits;

use crate::client::Server;

/// Begins of requests that never arrive completely.
const UNFINISHED: [&str; 5] = [
    "",
    "GET /quick HTTP/1.1\r\nHost: x\r\n",
    "POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n",
    "POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc",
    "POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
];

fn limits(connections: usize, connections_per_peer: usize) -> ListenerLimits {
    ListenerLimits {
        connections,
        connections_per_peer,
        ..ListenerLimits::default()
    }
}

#[tokio::test]
async fn unfinished_requests_shut_nobody_out() {
    for begin in UNFINISHED {
        let server = Server::start(limits(8, 8)).await;
        let mut clients = Vec::new();
        for _ in 0..40 {
            let mut client = server.connect().await;
            client.send(begin).await;
            clients.push(client);
        }
        let response = server.connect().await.get("/quick").await;
        assert!(response.ends_with("quick"), "{begin:?}: {response}");
        clients[0].until_closed().await;
    }
}

#[tokio::test]
async fn a_client_that_expects_a_continue_shuts_nobody_out() {
    let server = Server::start(limits(4, 4)).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        client
            .send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            .await;
        clients.push(client);
    }
    let response = server.connect().await.get("/quick").await;
    assert!(response.ends_with("quick"), "{response}");
}

#[tokio::test]
async fn executed_requests_are_never_cut_off() {
    let server = Server::start(limits(4, 4)).await;
    let mut held = server.hold().await;
    for _ in 0..20 {
        let response = server.connect().await.get("/quick").await;
        assert!(response.ends_with("quick"), "{response}");
    }
    server.release();
    assert!(held.read_response().await.ends_with("held"));
    // The connection is kept for the next request.
    assert!(held.get("/quick").await.ends_with("quick"));
}

#[tokio::test]
async fn one_peer_does_not_take_the_places_of_others() {
    let server = Server::start(limits(8, 3)).await;
    let mut idle = server.connect_from("127.0.0.2").await;
    assert!(idle.get("/quick").await.ends_with("quick"));
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(server.connect().await);
        // Each connection is accepted before the next one.
        let last = clients.len() - 1;
        assert!(clients[last].get("/quick").await.ends_with("quick"));
    }
    // The first connection has waited longest of all, and is not one of the peer at its limit.
    assert!(idle.get("/quick").await.ends_with("quick"));
    clients[0].until_closed().await;
}

#[tokio::test]
async fn health_is_answered_while_all_places_execute_requests() {
    let server = Server::start(limits(2, 100)).await;
    let mut held = [server.hold().await, server.hold().await];
    assert!(server.connect().await.get("/health/live").await.ends_with("live"));
    let refused = server.connect().await.get("/quick").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(
        refused.contains("retry-after: 1\r\n") && refused.contains("connection: close\r\n"),
        "{refused}"
    );
    assert!(refused.contains("\"code\":\"overloaded\""), "{refused}");
    for client in &mut held {
        server.release();
        assert!(client.read_response().await.ends_with("held"));
    }
    assert!(server.connect().await.get("/quick").await.ends_with("quick"));
}
