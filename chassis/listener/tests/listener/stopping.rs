//! The end of a socket: requests in execution end, and nothing else delays the process.

use std::time::Duration;

use offshoot_listener::ListenerLimits;
use tokio::net::TcpStream;

use crate::client::{Client, Server};

#[tokio::test]
async fn requests_in_execution_end_and_close_their_connections() {
    let server = Server::start(ListenerLimits::default()).await;
    let mut held = server.hold().await;
    server.stopping.close();
    server.release();
    let response = held.read_response().await;
    assert!(response.ends_with("held"), "{response}");
    assert!(response.contains("connection: close\r\n"), "{response}");
    server.ended().await;
}

#[tokio::test]
async fn unfinished_requests_and_idle_connections_do_not_delay_the_end() {
    let server = Server::start(ListenerLimits::default()).await;
    let mut clients = Vec::new();
    for begin in [
        "",
        "GET /quick HTTP/1.1\r\n",
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc",
    ] {
        let mut client = server.connect().await;
        client.send(begin).await;
        clients.push(client);
    }
    let mut idle = server.connect().await;
    assert!(idle.get("/quick").await.ends_with("quick"));
    server.stopping.close();
    server.ended().await;
    for client in &mut clients {
        assert_eq!(client.until_closed().await, 0);
    }
}

#[tokio::test]
async fn a_draining_socket_answers_and_closes_each_connection() {
    let server = Server::start(ListenerLimits::default()).await;
    let mut before = server.connect().await;
    assert!(!before.get("/quick").await.contains("connection: close"));
    server.stopping.drain();
    let response = before.get("/quick").await;
    assert!(
        response.ends_with("quick") && response.contains("connection: close\r\n"),
        "{response}"
    );
    before.until_closed().await;
    let response = server.connect().await.get("/quick").await;
    assert!(
        response.ends_with("quick") && response.contains("connection: close\r\n"),
        "{response}"
    );
}

#[tokio::test]
async fn a_request_that_is_on_its_way_at_the_close_is_answered() {
    let limits = ListenerLimits {
        linger: Duration::from_secs(60),
        ..ListenerLimits::default()
    };
    let server = Server::start(limits).await;
    let mut idle = server.connect().await;
    assert!(idle.get("/quick").await.ends_with("quick"));
    server.stopping.close();
    // Until no other connection is accepted.
    while TcpStream::connect(server.address).await.is_ok() {}
    let response = idle.get("/quick").await;
    assert!(
        response.ends_with("quick") && response.contains("connection: close\r\n"),
        "{response}"
    );
    // The server does not wait for the whole time once all connections have ended.
    server.ended().await;
}

#[tokio::test]
async fn half_a_head_at_the_close_may_still_arrive() {
    let limits = ListenerLimits {
        linger: Duration::ZERO,
        arrival: Duration::from_secs(60),
        ..ListenerLimits::default()
    };
    let server = Server::start(limits).await;
    let (mut used, mut fresh) = (server.connect().await, server.connect().await);
    assert!(used.get("/quick").await.ends_with("quick"));
    for client in [&mut used, &mut fresh] {
        client.send("GET /quick HTTP/1.1\r\n").await;
    }
    // The server has read the halves once the answer to a later request is there.
    let mut idle = server.connect().await;
    assert!(idle.get("/quick").await.ends_with("quick"));
    server.stopping.close();
    idle.until_closed().await;
    for client in [&mut used, &mut fresh] {
        client.send("Host: x\r\n\r\n").await;
        let response = client.read_response().await;
        assert!(
            response.ends_with("quick") && response.contains("connection: close\r\n"),
            "{response}"
        );
    }
    server.ended().await;
}

#[tokio::test]
async fn a_connection_that_was_not_accepted_before_the_close_is_served() {
    for _ in 0..20 {
        let server = Server::start(ListenerLimits::default()).await;
        // The kernel completes the connection, before the server's task runs.
        let client = std::net::TcpStream::connect(server.address).unwrap();
        client.set_nonblocking(true).unwrap();
        let mut client = Client::new(TcpStream::from_std(client).unwrap());
        client.send("GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").await;
        server.stopping.close();
        assert!(client.read_response().await.ends_with("quick"));
        server.ended().await;
    }
}
