//! Timeouts of connections. Each test waits for the end of the connection, however long the machine takes.

use std::time::Duration;

use offshoot_listener::ListenerLimits;

use crate::client::Server;

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn an_idle_connection_ends() {
    let limits = ListenerLimits {
        idle: SHORT,
        ..ListenerLimits::default()
    };
    let server = Server::start(limits).await;
    assert_eq!(server.connect().await.until_closed().await, 0);
    let mut client = server.connect().await;
    assert!(client.get("/quick").await.ends_with("quick"));
    client.until_closed().await;
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let limits = ListenerLimits {
        head: SHORT,
        ..ListenerLimits::default()
    };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    client.send("GET /quick HTTP/1.1\r\n").await;
    client.until_closed().await;
    // After a first request, too.
    let mut client = server.connect().await;
    assert!(client.get("/quick").await.ends_with("quick"));
    client.send("GET /quick").await;
    client.until_closed().await;
}

#[tokio::test]
async fn the_time_of_a_request_in_execution_is_not_limited_here() {
    let limits = ListenerLimits {
        idle: SHORT,
        head: SHORT,
        write: SHORT,
        ..ListenerLimits::default()
    };
    let server = Server::start(limits).await;
    let mut held = server.hold().await;
    // Another connection reaches all timeouts meanwhile.
    server.connect().await.until_closed().await;
    server.release();
    assert!(held.read_response().await.ends_with("held"));
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_cut_off() {
    let limits = ListenerLimits {
        write: SHORT,
        ..ListenerLimits::default()
    };
    let server = Server::start(limits).await;
    let mut client = server.connect().await;
    client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.stopping.close();
    // The server ends although the client has read nothing of its response.
    server.ended().await;
    assert!(client.until_closed().await < 32 << 20);
}
